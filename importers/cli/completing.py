"""completion."""

from __future__ import annotations

import os
from typing import Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

from importers.cli.arguments import settings_named
from importers.cli.click_texts import speak
from importers.cli.group import cli
from importers.output import print_line
from importers.texts import N_

# The scripts ask `obmen completion`, as `obmen` alone is the screen. They send the line up to the cursor, not words:
# those of bash are split at "=" and ":", too. Of `--option=value` they are told what the value may be; what was typed
# in front of it stays.

BASH = """\
_obmen_completion() {
    local type value given=
    # Usually bash completes what is behind the "=" only.
    [[ $2 == -*=* ]] && given=${2%%=*}=
    COMPREPLY=()
    while IFS=, read -r type value; do
        if [[ $type == plain ]]; then
            COMPREPLY+=("$given$value")
        elif [[ $type && $given ]]; then
            compopt -o filenames -o nospace
            mapfile -t COMPREPLY < <(compgen -P "$given" -f -- "${2#*=}")
        elif [[ $type ]]; then
            compopt -o default
        fi
    done <<< "$(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" _OBMEN_COMPLETE=bash_complete "$1" completion)"
}

complete -o nosort -F _obmen_completion obmen
"""

ZSH = """\
#compdef obmen

_obmen_completion() {
    local type value told
    local -a response bare described
    (( $+commands[obmen] )) || return 1
    local line="${(j: :)words[1,CURRENT-1]} $QIPREFIX$PREFIX"
    response=("${(@f)$(env COMP_WORDS="$line" _OBMEN_COMPLETE=zsh_complete obmen completion)}")
    [[ $PREFIX == -*=* ]] && compset -P 1 '*='
    for type value told in $response; do
        if [[ $type != plain ]]; then
            _path_files -f
        elif [[ $told == _ ]]; then
            bare+=("$value")
        else
            described+=("$value:$told")
        fi
    done
    (( $#described )) && _describe -V obmen described
    (( $#bare )) && compadd -V obmen -a bare
    (( compstate[nmatches] ))
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _obmen_completion "$@"
else
    compdef _obmen_completion obmen
fi
"""

FISH = """\
function _obmen_completion
    set -l line (commandline -cp | string collect)
    set -l typed (commandline -ct)
    set -l given (string match -r -- '^-[^=]*=' "$typed")
    for found in (env COMP_WORDS="$line" _OBMEN_COMPLETE=fish_complete obmen completion)
        set -l told (string split -m 1 , -- $found)
        if test "$told[1]" = plain
            printf '%s\\n' "$given$told[2]"
        else if test -n "$told[1]"
            for path in (complete -C "'' "(string replace -r -- '^-[^=]*=' '' "$typed"))
                printf '%s\\n' "$given$path"
            end
        end
    end
end

complete --no-files --command obmen --arguments '(_obmen_completion)'
"""


class Shell(ShellComplete):
    """What a line may go on with. How that is told to each shell is click's."""

    def source(self) -> str:
        return self.source_template

    def get_completion_args(self) -> tuple[list[str], str]:
        # With one more letter the last word is the one that is typed, though nothing of it may be there.
        *args, last = split_arg_string(os.environ["COMP_WORDS"] + "x")
        return args[1:], last[:-1]

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[Any]]:
        """In the language that the words typed so far would be answered in; each description on one line."""
        with self.cli.make_context(self.prog_name, args.copy(), resilient_parsing=True) as ctx:
            config = settings_named(ctx)
            if language := ctx.params.get("language") or (config and config.language):
                speak(language)
        found = super().get_completions(args, incomplete)
        for item in found:
            item.help = " ".join(item.help.split()) if item.help else None
        return found


class Bash(Shell, BashComplete):
    source_template = BASH


class Zsh(Shell, ZshComplete):
    source_template = ZSH


class Fish(Shell, FishComplete):
    source_template = FISH


SHELLS: dict[str, type[Shell]] = {"bash": Bash, "zsh": Zsh, "fish": Fish}
for each in SHELLS.values():
    add_completion_class(each)


@cli.command(help=N_('Print what makes a shell complete obmen\'s commands: eval "$(obmen completion bash)".'))
@click.argument("shell", metavar="SHELL", type=click.Choice(tuple(SHELLS)))
def completion(shell: str) -> None:
    for line in SHELLS[shell].source_template.split("\n"):
        print_line(line)

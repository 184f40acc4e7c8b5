from tui_stage import same_environment, settings

__all__ = ["same_environment", "settings"]

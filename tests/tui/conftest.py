from launch_stage import gate, room
from tui_stage import env, same_environment, settings

__all__ = ["env", "gate", "room", "same_environment", "settings"]

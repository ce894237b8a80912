"""The main job: a double well's escape time by every route, and its picture."""

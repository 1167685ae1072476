"""The built-in presets: one commented TOML file an experiment."""

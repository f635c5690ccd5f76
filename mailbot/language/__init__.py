"""What languages say, as data: one TOML file a language, read and compiled when first needed."""

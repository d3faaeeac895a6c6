"""Ask questions of large local document sets. The public API; everything loads when first used."""

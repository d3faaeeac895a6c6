"""The values that cross ports: frozen, validated, importing nothing but each other."""

"""The values that cross ports: frozen, validated, and importing nothing but each other."""

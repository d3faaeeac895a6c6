"""How good the answers are: questions with known answers, scored by kind, compared over protocols."""

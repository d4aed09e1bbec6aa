"""The policy pack: what previews and updates are held to. One file a rule set; rules.py lists them all."""

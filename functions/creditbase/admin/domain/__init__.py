"""Admin, decided: what operators set up, and what it means to users. Pure."""

"""The doctor: gather facts, judge them without asking anything, report what to do."""

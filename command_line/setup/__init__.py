"""`creditbase init`: questions, the files that answer them, tools, and what to type next."""

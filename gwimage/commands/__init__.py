"""The command line: arguments in, exit status out. Nothing else imports from here."""

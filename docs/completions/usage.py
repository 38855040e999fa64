"""What --help says of segmap's commands and of segload: for completions, and for their test."""

import re
import subprocess

OPTION = re.compile(r"^ {2,}(?:-(\w)(?: \w+)?, )? *--([a-z][a-z0-9-]*)"
                    r"(\[=\w+\]|=[\w.=\[\]]+| [A-Z]+)?\s+(\S.*)$")
MENTIONED = re.compile(r"(?<![\w-])--([a-z][a-z0-9-]*)")

# What an option's argument is, by its name in --help.
KINDS = {"FILE": "file", "CMD": "command", "PID": "pid", "WHEN": "when", "PLACE": "place",
         "entry": "entry", "COMMAND": "name", "DIR": "file"}
WORDS = {"when": ["auto", "always", "never"], "place": ["entry", "exit"], "entry": ["entry"]}


class Option:
    def __init__(self, short, name, argument, text):
        self.short = short
        self.name = name
        self.text = text
        self.optional = bool(argument) and argument.startswith("[")
        self.argument = re.match(r"\w*", argument.strip("[= ")).group() if argument else None
        # file, command, pid, when, place, entry, name; "other" has nothing to be completed
        self.kind = KINDS.get(self.argument, "other") if argument else None


class Usage:
    """Options and operands: "program" is one and its arguments, "files", "experiments", "names" of
    commands, or None."""

    def __init__(self, name, text, help_text):
        self.name = name
        self.text = text
        listed = help_text.partition("\nOptions:\n")[2] or help_text
        self.options = []
        for line in listed.splitlines():
            found = OPTION.match(line)
            if found:
                self.options.append(Option(*found.groups()[:3], shortened(found[4])))
        known = {o.name for o in self.options}
        for other in MENTIONED.findall(listed):
            if other not in known:
                self.options.append(Option(None, other, None, "without what is named like it"
                                           if other.startswith("no-") else other))
                known.add(other)
        self.operands = operands(help_text)


def shortened(text):
    """The first clause, for a line in a list."""
    return re.split(r"[;:](?: |$)", text)[0].rstrip(",.")


def operands(help_text):
    usage = help_text.split("\n\n")[0].partition("\n")[0]
    for word, kind in (("PROGRAM", "program"), ("FILE...", "files"),
                       ("EXPERIMENT", "experiments"), ("[COMMAND]", "names")):
        if word in usage:
            return kind
    return None


def output_of(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


def read(segmap, segload):
    """The usage of each command of segmap, and of segload."""
    loader = Usage("segload", "", output_of(segload, "--help"))
    overview = output_of(segmap, "--help")
    listed = re.findall(r"^  (\w+) +(\S.*)$", overview[overview.index("\nCommands:\n"):], re.M)
    commands = []
    for name, text in listed:
        usage = Usage(name, shortened(text), output_of(segmap, "help", name))
        if name == "run":  # segload's by another name
            usage.options = loader.options
        commands.append(usage)
    return commands, loader

#!/usr/bin/env python3
"""Prints completions for a shell, made of what --help says.

usage: make.py SHELL SEGMAP SEGLOAD TEMPLATE

TEMPLATE has the shell's functions; its line @TABLE@ stands for what differs from command to
command. The same file serves segmap and segload.
"""

import sys

import usage


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


# ---- bash: a line for each command, with its options and what their arguments are ----

def bash_options(options):
    words, kinds = [], []
    for option in options:
        takes = option.argument and not option.optional
        words.append(f"--{option.name}" + ("=" if takes else ""))
        if option.short:
            words.append(f"-{option.short}")
        for spelled in ([f"--{option.name}"] + [f"-{option.short}"] * bool(option.short)
                        if option.argument else []):
            kinds.append(f"{spelled}={'' if takes else '?'}{option.kind}")
    return " ".join(words), " ".join(kinds)


def bash(commands, loader):
    names = " ".join(c.name for c in commands)
    yield f"_segmap_names='{names}'"
    yield "_segmap_table() {"
    yield "\tcase $1 in"
    for command in [*commands, loader]:
        words, kinds = bash_options(command.options)
        yield f"\t{command.name})"
        yield f"\t\twords='{words}'"
        yield f"\t\tkinds=' {kinds} '"
        yield f"\t\toperands={command.operands or 'none'} ;;"
    yield "\t*) return 1 ;;"
    yield "\tesac"
    yield "}"


# ---- zsh: specifications for _arguments ----

ZSH_ACTIONS = {"file": "_files", "command": "_command_names -e", "pid": "_pids", "other": "",
               "name": "_segmap_names", **{k: f"({' '.join(w)})" for k, w in usage.WORDS.items()}}
ZSH_OPERANDS = {"program": ["(-)1:program:_segmap_program", "*:: :_segmap_arguments"],
                "files": ["*:file:_files"], "experiments": ["*:experiment:_segmap_experiments"],
                "names": ["1:command:_segmap_names"], None: []}


def zsh_text(text):
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def zsh_option(option):
    text = f"[{zsh_text(option.text)}]"
    argument, tails = "", ("", "")
    if option.argument:
        argument = f":{option.argument}:{ZSH_ACTIONS[option.kind]}"
        tails = ("+", "=")
        if option.optional:
            argument, tails = f":{argument}", ("-", "=-")
    if not option.short:
        return quoted(f"--{option.name}{tails[1]}{text}{argument}")
    both = f"(-{option.short} --{option.name})"
    return (f"{quoted(both)}{{-{option.short}{tails[0]},--{option.name}{tails[1]}}}"
            + quoted(text + argument))


def zsh(commands, loader):
    yield "_segmap_names() {"
    yield "\tlocal -a names=("
    for command in commands:
        yield "\t\t" + quoted(f"{command.name}:{command.text}")
    yield "\t)"
    yield "\t_describe -t commands command names"
    yield "}"
    yield ""
    yield "_segmap_table() {"
    yield "\tcase $1 in"
    for command in [*commands, loader]:
        yield f"\t{command.name})"
        yield "\t\tspecs=("
        for option in command.options:
            yield "\t\t\t" + zsh_option(option)
        for operand in ZSH_OPERANDS[command.operands]:
            yield "\t\t\t" + quoted(operand)
        yield "\t\t) ;;"
    yield "\t*) return 1 ;;"
    yield "\tesac"
    yield "}"


# ---- fish: a line for each option ----

FISH_ACTIONS = {"command": "(__fish_complete_command)", "pid": "(__fish_complete_pids)",
                "name": "(__segmap_names)", **{k: " ".join(w) for k, w in usage.WORDS.items()}}


def fish_option(program, when, option):
    line = f"complete -c {program} -n {quoted(when)} -l {option.name}"
    if option.short:
        line += f" -s {option.short}"
    if option.argument:
        line += " -r"
    if option.kind and option.kind != "file":
        line += " -f"
        if option.kind in FISH_ACTIONS:
            line += f" -a {quoted(FISH_ACTIONS[option.kind])}"
    return line + f" -d {quoted(option.text)}"


FISH_OPERANDS = {"experiments": "(__segmap_experiments)", "names": "(__segmap_names)"}


def fish_usage(program, command, first):
    """FIRST: how many words there are before the options."""
    takes = [s for o in command.options if o.argument and not o.optional
             for s in ([f"--{o.name}"] + [f"-{o.short}"] * bool(o.short))]
    state = " ".join([command.name if first > 1 else "-", *takes])
    at = f"__segmap_operands {state}"
    if command.operands == "program":
        at += "; and test $segmap_operands -eq 0"
    for option in command.options:
        yield fish_option(program, at, option)
    at += "; and test $segmap_waits -eq 0"
    if command.operands == "program":
        yield f"complete -c {program} -n {quoted(at)} -f -a '(__fish_complete_command)'"
    elif command.operands != "files":
        action = FISH_OPERANDS.get(command.operands)
        yield (f"complete -c {program} -n {quoted(at)} -f"
               + (f" -a {quoted(action)}" if action else ""))


def fish(commands, loader):
    yield "function __segmap_names"
    for command in commands:
        yield f"\techo {quoted(command.name + chr(9) + command.text)}"
    yield "end"
    yield ""
    for command in commands:
        yield from fish_usage("segmap", command, 2)
    yield from fish_usage("segload", loader, 1)


shell, segmap, segload, template = sys.argv[1:]
table = {"bash": bash, "zsh": zsh, "fish": fish}[shell]
with open(template, encoding="utf-8") as file:
    text = file.read()
print(text.replace("@TABLE@\n", "\n".join(table(*usage.read(segmap, segload))) + "\n"), end="")

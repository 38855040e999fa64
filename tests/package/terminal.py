"""Shells on a terminal of their own, to which keys are sent as by someone who types."""

import os
import pty
import select
import shutil
import signal
import tempfile

LIMIT = 120  # seconds; only to end a hang
INSERT_ALL, COMPLETE, DUMP, CLEAR = "\x18a", "\t", "\x18d", "\x15"

BASH = r"""
PS1='' PS2=''
source {completions}
set +o history
bind 'set enable-bracketed-paste off' 'set bell-style none' 2>/dev/null
bind '"\C-xa": insert-completions'
dump() {{ printf '%s\0' "$READLINE_LINE" >{pipe}; }}
bind -x '"\C-xd": dump'
printf 'ready\0' >{pipe}
"""

ZSH = r"""
PROMPT='' PS2='' RPROMPT=''
unsetopt zle_bracketed_paste beep prompt_sp list_beep 2>/dev/null
unset zle_bracketed_paste
fpath=({completions:h} $fpath)
autoload -Uz compinit && compinit -u -D
zle -C all-matches complete-word _generic
zstyle ':completion:all-matches::::' completer _all_matches _complete
zstyle ':completion:all-matches:*' insert true
bindkey -e
bindkey '^Xa' all-matches
dump() {{ print -rn -- "$BUFFER"$'\0' >{pipe}; }}
zle -N dump
bindkey '^Xd' dump
bindkey '^U' kill-whole-line
print -rn -- $'ready\0' >{pipe}
"""


class Shell:
    """bash or zsh, interactive, without the user's own files."""

    def __init__(self, name, completions, folder, path):
        self.scratch = tempfile.mkdtemp()
        self.pipe = os.path.join(self.scratch, "pipe")
        os.mkfifo(self.pipe)
        script = {"bash": BASH, "zsh": ZSH}[name]
        script = script.replace("{completions:h}", os.path.dirname(completions))
        start = os.path.join(self.scratch, "start")
        with open(start, "w", encoding="utf-8") as file:
            file.write(script.format(completions=completions, pipe=self.pipe))
        command = {"bash": ["bash", "--norc", "--noprofile"], "zsh": ["zsh", "-f"]}[name]
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            environment = {"PATH": path, "TERM": "dumb", "HOME": self.scratch, "LC_ALL": "C"}
            os.execvpe(command[0], [*command, "-i"], environment)
        self.reader = os.open(self.pipe, os.O_RDWR)
        self.screen = b""
        self.type(f". {start}\n")
        self.answer()

    def type(self, keys):
        os.write(self.terminal, keys.encode())

    def answer(self):
        """What the shell writes to the pipe, while what it shows is taken off the terminal."""
        got = b""
        while not got.endswith(b"\0"):
            ready = select.select([self.reader, self.terminal], [], [], LIMIT)[0]
            if not ready:
                raise TimeoutError(f"the shell does not answer; it showed {self.screen[-500:]}")
            if self.terminal in ready:
                self.screen += os.read(self.terminal, 65536)
            if self.reader in ready:
                got += os.read(self.reader, 65536)
        return got[:-1].decode()

    def line_after(self, *keys):
        self.type(CLEAR + "".join(keys) + DUMP)
        return self.answer()

    def completed(self, line):
        """The line after a tab."""
        return self.line_after(line, COMPLETE)

    def candidates(self, line):
        """All words that the last one of LINE can become."""
        before = line[:line.rindex(" ") + 1]
        after = self.line_after(line, INSERT_ALL)
        return after[len(before):].split() if after != line else []

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)
        os.close(self.reader)
        shutil.rmtree(self.scratch)

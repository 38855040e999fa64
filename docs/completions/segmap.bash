# Completions for segmap(1) and segload(1), made of what --help says.

@TABLE@

_segmap_words() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
	compopt +o default 2>/dev/null
	[[ ${COMPREPLY[0]-} != *= || ${#COMPREPLY[@]} -ne 1 ]] || compopt -o nospace 2>/dev/null
}

# A program: by its name in PATH, or by a path.
_segmap_program() {
	[[ $cur != */* ]] || return # the shell's own completion of files
	mapfile -t COMPREPLY < <(compgen -c -- "$cur" | sort -u; compgen -d -S / -- "$cur")
}

# What an option's argument, or an operand, is.
_segmap_kind() {
	case $1 in
	file | files | arguments) ;; # left to the shell, which completes files
	program | command) _segmap_program ;;
	pid) _segmap_words "$(cd /proc && printf '%s ' [0-9]*)" ;;
	when) _segmap_words 'auto always never' ;;
	place) _segmap_words 'entry exit' ;;
	entry) _segmap_words 'entry' ;;
	name | names) _segmap_words "$_segmap_names" ;;
	experiments) _segmap_words "$("${COMP_WORDS[0]}" lab --list -rn -o NAME 2>/dev/null)" ;;
	*) compopt +o default 2>/dev/null ;;
	esac
}

# Sets kind if WORD takes an argument; what may be left out begins with "?".
_segmap_takes() {
	local word=$1
	[[ $word == --* ]] || word=-${word: -1} # -rno: the last one
	[[ $kinds =~ " $word="([^ ]+)" " ]] && kind=${BASH_REMATCH[1]}
}

# Walks from word I to the one at the cursor: which kind is that? Readline makes "=" a word.
_segmap_walk() {
	local i=$1 word kind before=0 ended=
	while ((i < COMP_CWORD)); do
		word=${COMP_WORDS[i]} kind=
		((++i))
		if [[ -n $ended || $word != -?* ]]; then
			((++before))
			[[ $operands != program ]] || { _segmap_kind arguments; return; }
		elif [[ $word == -- ]]; then
			ended=1
		elif _segmap_takes "$word"; then
			if [[ ${COMP_WORDS[i]} == = ]]; then
				((i != COMP_CWORD)) || cur=
				((++i))
			elif [[ $kind == \?* ]]; then
				continue
			fi
			((i < COMP_CWORD)) || { _segmap_kind "${kind#\?}"; return; }
			((++i))
			[[ ${COMP_WORDS[i]} != = ]] || ((i += 2)) # -E NAME=VALUE
		fi
	done
	if [[ $cur == -* && -z $ended ]]; then
		_segmap_words "$words"
	elif [[ $operands == names && $before -gt 0 ]]; then
		_segmap_kind none
	else
		_segmap_kind "$operands"
	fi
}

_segmap() {
	local cur=${COMP_WORDS[COMP_CWORD]} words kinds operands
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		if [[ $cur == -* ]]; then
			_segmap_words '--help --version'
		else
			_segmap_words "$_segmap_names"
		fi
	elif _segmap_table "${COMP_WORDS[1]}"; then
		_segmap_walk 2
	fi
}

_segload() {
	local cur=${COMP_WORDS[COMP_CWORD]} words kinds operands
	COMPREPLY=()
	_segmap_table segload && _segmap_walk 1
}

complete -o default -F _segmap segmap
complete -o default -F _segload segload

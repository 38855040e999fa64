#compdef segmap segload
# Completions for segmap(1) and segload(1), made of what --help says.

@TABLE@

# A program: by its name in PATH, or by a path.
_segmap_program() {
	_alternative 'commands:command:_command_names -e' 'files:file:_files -g "*(-*)"'
}

# The program's own arguments, as that one completes them.
_segmap_arguments() {
	_normal || _files
}

_segmap_experiments() {
	local -a experiments=(${(f)"$(_call_program experiments ${segmap_command:-segmap} lab --list -rn -o NAME)"})
	_describe -t experiments experiment experiments
}

_segmap_of() {
	local -a specs
	_segmap_table $1 || return 1
	if [[ ${(M)specs:#\*::*} ]]; then
		_arguments -s -S -A '-*' : $specs
	else
		_arguments -s -S : $specs
	fi
}

_segmap() {
	local segmap_command=$words[1]
	if [[ $service == segload ]]; then
		_segmap_of segload
	elif ((CURRENT == 2)); then
		if [[ $PREFIX == -* ]]; then
			compadd -- --help --version
		else
			_segmap_names
		fi
	else
		shift words
		((CURRENT--))
		_segmap_of $words[1]
	fi
}

_segmap "$@"

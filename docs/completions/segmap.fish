# Completions for segmap(1) and segload(1), made of what --help says.

# Whether the command is $argv[1] ("-": there are none, this is segload). The other arguments are the
# options that take one. Sets segmap_operands, how many operands there are already, and
# segmap_waits, 1 if an option waits for its argument.
function __segmap_operands
	set -g segmap_operands 0
	set -l words (commandline -opc)
	set -e words[1]
	if test "$argv[1]" != -
		test "$words[1]" = "$argv[1]"; or return 1
		set -e words[1]
	end
	set -g segmap_waits 0
	for word in $words
		if test $segmap_waits -eq 1
			set segmap_waits 0
		else if contains -- $word $argv[2..-1]
			set segmap_waits 1
		else if not string match -q -- '-?*' $word
			set segmap_operands (math $segmap_operands + 1)
		end
	end
	return 0
end

function __segmap_experiments
	segmap lab --list -rn -o NAME 2>/dev/null
end

complete -c segmap -n 'test (count (commandline -opc)) -eq 1' -f -a '(__segmap_names)'
complete -c segmap -n 'test (count (commandline -opc)) -eq 1' -s h -l help -d 'the commands'
complete -c segmap -n 'test (count (commandline -opc)) -eq 1' -s V -l version -d 'the version'
@TABLE@

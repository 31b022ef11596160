# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Completion of cpnsctl for bash.

_cpnsctl_devices()
{
	cpnsctl dump 2>/dev/null | awk -F '\t' '$1 == "device" { print $2 }'
}

_cpnsctl_peers()
{
	cpnsctl dump 2>/dev/null | awk -F '\t' '$1 == "peer" { print $3 == "-" ? $5 : $3 }'
}

# _cpnsctl_registrar user|entity: their names, where the registrar is here
_cpnsctl_registrar()
{
	cpnsctl "$1" list 2>/dev/null | sed -n 's/^\([^ ].*\):$/\1/p'
}

_cpnsctl_peer_keys="id= role= endpoint= key-file= key-id= kind= user-id= generation=
pure-psk= not-before= not-after= suites= lifetime= soft-packets= hard-packets=
soft-failed= hard-failed= soft-time= hard-time= keepalive= passive-keepalive= timeout=
window= address= allowed-dst= accept= multicast= routes= connect="

_cpnsctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local commands="show dump stats status why whois monitor enrol code peer key showconf
		syncconf setconf reload user entity grant audit backup registrar help"
	local columns="id eid state endpoint last-received last-sent transfer packets drops
		addresses allowed-dst keepalive mtu suite sid age"
	local options="-j --json -v --verbose -i --device -s --socket --colour --save
		-V --version -h --help"
	local enrol="--server --entity --role --user --code --pin --cacert --via
		--password-file --name --state --conf --force"
	local words=() word words_of="" i

	COMPREPLY=()
	case $prev in
	-i | --device)
		mapfile -t COMPREPLY < <(compgen -W "$(_cpnsctl_devices)" -- "$cur")
		return
		;;
	-s | --socket | --password-file | --cacert | --state | --conf)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--role)
		mapfile -t COMPREPLY < <(compgen -W "pn-gw pne" -- "$cur")
		return
		;;
	--user)
		mapfile -t COMPREPLY < <(compgen -W "$(_cpnsctl_registrar user)" -- "$cur")
		return
		;;
	--via | --entity)
		mapfile -t COMPREPLY < <(compgen -W "$(_cpnsctl_registrar entity)" -- "$cur")
		return
		;;
	--server | --pin | --name | --since | --limit | --prefixes)
		return
		;;
	--colour)
		mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$cur")
		return
		;;
	esac
	# the words before the cursor, without options and their arguments
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-i | --device | -s | --socket | --colour | --server | --entity | --role | \
			--user | --pin | --cacert | --via | --password-file | --name | \
			--state | --conf | --since | --limit | --prefixes) ((i++)) ;;
		-*) ;;
		*) words+=("$word") ;;
		esac
	done

	if [[ $cur == -* ]]; then
		case "${words[0]} ${words[1]}" in
		enrol\ *) options=$enrol ;;
		user\ add | user\ passwd) options="--password-file" ;;
		entity\ list) options="--user" ;;
		code\ new) options="--user --role" ;;
		code\ *) options="--role" ;;
		grant\ add) options="--via --prefixes" ;;
		audit\ *) options="--since --limit" ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		return
	fi

	case "${#words[@]} ${words[0]} ${words[1]}" in
	0\ *) words_of=$commands ;;
	1\ show\ * | 1\ dump\ * | 1\ stats\ * | 1\ status\ * | 1\ monitor\ *)
		words_of=$(_cpnsctl_devices)
		;;
	2\ show\ *) words_of=$columns ;;
	2\ stats\ * | 1\ why\ *) words_of=$(_cpnsctl_peers) ;;
	1\ peer\ *) words_of="add set del connect" ;;
	2\ peer\ set | 2\ peer\ del | 2\ peer\ connect) words_of=$(_cpnsctl_peers) ;;
	[3-9]*\ peer\ add | [3-9]*\ peer\ set)
		words_of=$_cpnsctl_peer_keys
		compopt -o nospace
		;;
	1\ key\ *) words_of="gen id" ;;
	1\ enrol\ *) words_of="cpns0" ;;
	1\ code\ *) words_of="new $(_cpnsctl_devices)" ;;
	1\ user\ *) words_of="add passwd disable enable del list" ;;
	2\ user\ passwd | 2\ user\ disable | 2\ user\ enable | 2\ user\ del)
		words_of=$(_cpnsctl_registrar user)
		;;
	1\ entity\ *) words_of="list show revoke rotate" ;;
	2\ entity\ show | 2\ entity\ revoke | 2\ entity\ rotate | 2\ grant\ add | 4\ grant\ add)
		words_of=$(_cpnsctl_registrar entity)
		;;
	1\ grant\ *) words_of="add del list" ;;
	3\ grant\ add) words_of="talk relay route prefix" ;;
	1\ help\ *) words_of=$commands ;;
	1\ syncconf\ * | 1\ setconf\ * | 2\ key\ gen | 1\ backup\ *)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words_of" -- "$cur")
}

complete -F _cpnsctl cpnsctl

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The matrix on servers that speak TCP, in the guest: matrix.sh PROGRAM
# diod (paths) and nfs-ganesha (handles), each on an ext4 of its own; and the
# latter on two with equal inode numbers (diod does not lead into mounts).

here=$(dirname "$0")
say() { printf '%s\n' "$*"; }
. "$here/../server_side.sh"
. "$here/../matrix/serve.sh"
DIOD_PORT=5640
GANESHA_PORT=5641
pids=()

# make_ext4 NAME: mounts a new one at /run/NAME.
make_ext4() {
	local image=/run/${1//\//-}.img loop

	mkdir -p "/run/$1"
	truncate -s 64M "$image" && mkfs.ext4 -q -F "$image" &&
		loop=$(losetup -f --show "$image") &&
		mount "$loop" "/run/$1"
}

# listens PID PORT: waits until the server does.
listens() {
	local i

	for i in {1..200}; do
		(: <>"/dev/tcp/127.0.0.1/$2") 2>/dev/null && return
		kill -0 "$1" || return
		read -r -t 0.2 <>/tmp/nothing
	done
	return 1
}

start_diod() {
	make_ext4 diod || return
	diod -f -n -l 127.0.0.1:$DIOD_PORT -e /run/diod -c /dev/null \
		-L /tmp/diod.log </dev/null >/tmp/diod.out 2>&1 &
	pids+=($!)
	listens $! $DIOD_PORT
}

start_ganesha() {
	make_ext4 ganesha && make_ext4 twins && make_ext4 twins/m1 &&
		make_ext4 twins/m2 || return
	mkdir -p /run/ganesha.state
	cat >/run/ganesha.conf <<-END
	NFS_CORE_PARAM { Protocols = 9P; Enable_UDP = false; }
	NFSV4 { Graceless = true; RecoveryRoot = /run/ganesha.state; }
	_9P { _9P_TCP_Port = $GANESHA_PORT; }
	EXPORT {
		Export_Id = 1; Path = /run/ganesha; Pseudo = /ganesha;
		Access_Type = RW; Squash = None; Protocols = 9P;
		Transports = TCP; SecType = sys; FSAL { Name = VFS; }
	}
	EXPORT {
		Export_Id = 2; Path = /run/twins; Pseudo = /twins;
		Access_Type = RW; Squash = None; Protocols = 9P;
		Transports = TCP; SecType = sys; FSAL { Name = VFS; }
	}
	END
	ganesha.nfsd -F -L /tmp/ganesha.log -f /run/ganesha.conf \
		-p /tmp/ganesha.pid </dev/null >/tmp/ganesha.out 2>&1 &
	pids+=($!)
	listens $! $GANESHA_PORT
}

# share NAME EXPORT PORT [FLAG]
share() {
	servers+=("$1 $2 127.0.0.1 trans=tcp,port=$3,version=9p2000.L,uname=root,access=user,aname=$2 ${4-}")
}

mkfifo /tmp/nothing
for server in diod ganesha; do
	if ! command -v $server >/dev/null && ! command -v $server.nfsd >/dev/null
	then
		say "skip	$server	not installed"
	elif start_$server >/tmp/start.log 2>&1; then
		port=${server^^}_PORT
		share $server /run/$server "${!port}"
		[ $server = diod ] || share ganesha-twins /run/twins "${!port}" twins
	else
		sed 's/^/# /' /tmp/start.log /tmp/$server.*
		say "fail	$server	does not start"
	fi
done
mkfifo /tmp/to /tmp/from
exec 7<>/tmp/to 8<>/tmp/from
"$1" </tmp/to >/tmp/from 2>/tmp/guest.log 7<&- 8<&- &
matrix_serve $!
status=$?
sed 's/^/# /' /tmp/guest.log
kill "${pids[@]}"
exit $status

// SPDX-License-Identifier: GPL-2.0
/*
 * Lets a server hang: whoever opens a file waits, until this program ends
 *
 * usage: hold_open FILE
 *
 * Says "ready" once this works, then "held" for each open() that waits.  Exit
 * status 4 if the kernel cannot do that.
 */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/fanotify.h>
#include <unistd.h>

int main(const int argc, char *const argv[])
{
	struct fanotify_event_metadata events[16];
	int fd, i;

	if (argc != 2)
		errx(1, "usage: %s FILE", argv[0]);
	fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY);
	if (fd < 0 || fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD,
				    argv[1])) {
		warn("fanotify permission events");
		return 4;
	}
	puts("ready");
	fflush(stdout);
	/* What is not answered is granted by our end. */
	while (1) {
		const ssize_t len = read(fd, events, sizeof(events));

		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			err(1, "read");
		for (i = 0; i < (int)(len / sizeof(events[0])); i++) {
			close(events[i].fd);
			puts("held");
		}
		fflush(stdout);
	}
}

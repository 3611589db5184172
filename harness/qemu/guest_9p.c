// SPDX-License-Identifier: GPL-2.0
/*
 * Landlock on a 9p mount of QEMU, seen from the guest
 *
 * Runs as root in an initramfs.  The second serial port leads to test.sh on the
 * host.  Lines from here to there, besides those in guest.h:
 *
 *   plan NAME           a case that will have a result
 *   ok NAME             ... it passed
 *   not NAME # WHY      ... it failed
 *   skip NAME # WHY     ... it could not run
 *   end                 the last line
 *
 * Each case has its own directory in the export, and its own mount.  After it,
 * all is gone, and the host counts what QEMU still has open in the export.
 *
 * Environment (from the kernel's command line): CACHES=none,mmap,... RECYCLES=1
 * where the host filesystem gives inode numbers again.
 */

#define _GNU_SOURCE
#include "guest_9p.h"
#include "guest_hang.h"

static const char *s00_control(void)
{
	TRY(reads(NULL, "control", p9("d/f"), "granted"));
	TRY(reads(NULL, "control", p9("d/sub/g"), "deep"));
	TRY(reads(NULL, "control", p9("e/f"), "secret"));
	TRY(expect(NULL, "control", LIST, p9("d"), "", 0));
	host("mv", "d", "x");
	drop_caches();
	TRY(reads(NULL, "moved", p9("x/f"), "granted"));
	TRY(expect(NULL, "moved", READ, p9("d/f"), "", ENOENT));
	return NULL;
}

static const char *s01_dir(void)
{
	struct sandbox *box;

	TRY(reads(NULL, "control", p9("d/f"), "granted"));
	TRY(sandboxed(p9("d"), RO, &box));
	for (int i = 0; i < 3; i++) {
		const char *const when = i ? "caches dropped" : "at once";

		TRY(reads(box, when, p9("d/f"), "granted"));
		TRY(reads(box, when, p9("d/sub/g"), "deep"));
		TRY(expect(box, when, LIST, p9("d"), "", 0));
		TRY(expect(box, when, WRITE, p9("d/f"), "", EACCES));
		TRY(reads(box, when, p9("e/f"), NULL));
		TRY(expect(box, when, LIST, p9("e"), "", EACCES));
		TRY(expect(box, when, LIST, p9(""), "", EACCES));
		drop_caches();
	}
	return NULL;
}

static const char *s01_file(void)
{
	struct sandbox *box;

	TRY(sandboxed(p9("d/f"), FS(READ_FILE) | FS(WRITE_FILE), &box));
	for (int i = 0; i < 3; i++) {
		const char *const when = i ? "caches dropped" : "at once";

		TRY(reads(box, when, p9("d/f"), "granted"));
		TRY(expect(box, when, WRITE, p9("d/f"), "", 0));
		TRY(reads(box, when, p9("d/sub/g"), NULL));
		TRY(expect(box, when, LIST, p9("d"), "", EACCES));
		TRY(reads(box, when, p9("e/f"), NULL));
		drop_caches();
	}
	return NULL;
}

static const char *s02_rewrite(void)
{
	struct sandbox *dir, *file;

	TRY(sandboxed(p9("d"), RO, &dir));
	TRY(sandboxed(p9("d/f"), FS(READ_FILE), &file));
	TRY(reads(dir, "before", p9("d/f"), "granted"));
	TRY(reads(file, "before", p9("d/f"), "granted"));
	for (int i = 0; i < 2; i++) {
		host("write", "d/f", i ? "rewritten-twice" : "rewritten");
		host("write", "d/new", "new");
		host("touch", "d", "");
		if (!i && strcmp(cache, "loose") == 0)
			drop_caches();
		TRY(reads(dir, "rewritten", p9("d/f"),
			  fresh(i ? "rewritten-twice" : "rewritten")));
		TRY(reads(dir, "rewritten", p9("d/new"), ""));
		TRY(reads(file, "rewritten", p9("d/f"), ""));
		TRY(reads(dir, "rewritten", p9("e/f"), NULL));
		drop_caches();
		TRY(reads(dir, "dropped", p9("d/f"), ""));
		TRY(reads(file, "dropped", p9("d/f"), ""));
		TRY(reads(file, "dropped", p9("d/new"), NULL));
	}
	return NULL;
}

static const char *s03_dir(void)
{
	struct sandbox *box;

	TRY(sandboxed(p9("d"), RO, &box));
	TRY(reads(box, "before", p9("d/f"), "granted"));
	host("mv", "d", "e/moved");
	host("mkdir", "d", "");
	host("write", "d/f", "impostor");
	drop_caches();
	for (int i = 0; i < 2; i++) {
		TRY(reads(NULL, "moved", p9("d/f"), "impostor"));
		TRY(reads(box, "old place", p9("d/f"), NULL));
		TRY(expect(box, "old place", LIST, p9("d"), "", EACCES));
		TRY(reads(NULL, "moved", p9("e/moved/f"), "granted"));
		TRY(reads(box, "new place", p9("e/moved/f"), "granted"));
		TRY(reads(box, "new place", p9("e/moved/sub/g"), "deep"));
		TRY(reads(box, "sibling", p9("e/f"), NULL));
		drop_caches();
	}
	return NULL;
}

static const char *s03_file(void)
{
	struct sandbox *box;

	TRY(sandboxed(p9("d/f"), FS(READ_FILE), &box));
	TRY(reads(box, "before", p9("d/f"), "granted"));
	host("mv", "d/f", "e/moved");
	host("write", "d/f", "impostor");
	drop_caches();
	for (int i = 0; i < 2; i++) {
		TRY(reads(NULL, "moved", p9("d/f"), "impostor"));
		TRY(reads(box, "old place", p9("d/f"), NULL));
		TRY(reads(box, "new place", p9("e/moved"), "granted"));
		TRY(reads(box, "sibling", p9("e/f"), NULL));
		drop_caches();
	}
	return NULL;
}

static const char *s04_move_out(void)
{
	struct sandbox *box;

	TRY(sandboxed(p9("d"), RO, &box));
	TRY(reads(box, "before", p9("d/f"), "granted"));
	TRY(reads(box, "before", p9("d/sub/g"), "deep"));
	host("mv", "d/f", "e/out");
	host("mv", "d/sub", "e/subout");
	drop_caches();
	TRY(reads(NULL, "moved", p9("e/out"), "granted"));
	TRY(reads(NULL, "moved", p9("e/subout/g"), "deep"));
	TRY(reads(box, "moved out", p9("e/out"), NULL));
	TRY(reads(box, "moved out", p9("e/subout/g"), NULL));
	TRY(expect(box, "moved out", READ, p9("d/f"), "", ENOENT));
	TRY(expect(box, "still there", LIST, p9("d"), "", 0));
	return NULL;
}

static const char *s06_move_in(void)
{
	struct sandbox *box;

	TRY(sandboxed(p9("d"), RO, &box));
	TRY(reads(box, "before", p9("e/f"), NULL));
	host("mv", "e", "d/in");
	drop_caches();
	TRY(reads(NULL, "moved", p9("d/in/f"), "secret"));
	TRY(reads(box, "moved in", p9("d/in/f"), "secret"));
	return NULL;
}

static const char *recycle(const char *const name, struct sandbox **const box,
			   const __u64 access)
{
	const char *const content = access == RO ? "/f" : "";
	const bool recycles = getenv("RECYCLES");
	char number[24], file[32];
	long tries;

	snprintf(file, sizeof(file), "%s%s", name, content);
	snprintf(number, sizeof(number), "%ld", host("ino", name, ""));
	host("write", file, "control");
	TRY(reads(NULL, "control", p9(file), "control"));
	drop_caches();
	tries = host("recycle", name, number);
	if (recycles && !tries)
		FAIL("control: the host does not use the number of %s again",
		     name);

	snprintf(number, sizeof(number), "%ld", host("ino", name, ""));
	TRY(sandboxed(p9(name), access, box));
	TRY(reads(*box, "before", p9(file), "recycled"));
	drop_caches();
	tries = host("recycle", name, number);
	if (tries)
		FAIL("the number of %s was used again after %ld tries", name,
		     tries);
	TRY(reads(NULL, "recreated", p9(file), "recycled"));
	TRY(reads(*box, "recreated", p9(file), NULL));
	drop_caches();
	TRY(reads(*box, "dropped", p9(file), NULL));

	/* Nothing holds it longer than the rule. */
	end_sandboxes();
	close_rulesets();
	drop_caches();
	host_fds(fds_before);
	tries = host("recycle", name, number);
	if (recycles && !tries)
		FAIL("the number of %s is not free after the rule is gone",
		     name);
	return NULL;
}

static const char *s08_file(void)
{
	struct sandbox *box;

	return recycle("d/f", &box, FS(READ_FILE));
}

static const char *s08_dir(void)
{
	struct sandbox *box;

	return recycle("d/sub", &box, RO);
}

/* QEMU closes descriptors of directories when it is short of them. */
static const char *s09_pin_lost(void)
{
	const bool recycles = getenv("RECYCLES");
	struct sandbox *box;
	int fds[900];
	size_t opened;
	char number[24];
	long tries;

	/* The first removal makes room for a number that is easy to get. */
	snprintf(number, sizeof(number), "%ld", host("ino", "d/sub", ""));
	host("recycle", "d/sub", number);
	host("files", "many", "900");
	snprintf(number, sizeof(number), "%ld", host("ino", "d/sub", ""));
	TRY(sandboxed(p9("d/sub"), RO, &box));
	TRY(reads(box, "before", p9("d/sub/f"), "recycled"));
	for (opened = 0; opened < 900; opened++) {
		char name[32];

		snprintf(name, sizeof(name), "many/%zu", opened + 1);
		fds[opened] = open(p9(name), O_RDONLY);
		if (fds[opened] < 0)
			FAIL("open %s: %s", name, strerror(errno));
	}
	tries = host("recycle", "d/sub", number);
	while (opened)
		close(fds[--opened]);
	TRY(reads(NULL, "recreated", p9("d/sub/f"), "recycled"));
	TRY(reads(box, "recreated", p9("d/sub/f"), NULL));
	drop_caches();
	TRY(reads(box, "dropped", p9("d/sub/f"), NULL));
	TRY(expect(box, "dropped", LIST, p9("d/sub"), "", EACCES));
	if (recycles && !tries) {
		skipped = true;
		FAIL("QEMU kept the pin; denied, but nothing was recycled");
	}
	return NULL;
}

static const char *s11_hardlink(void)
{
	struct sandbox *box, *other;

	host("ln", "d/f", "e/hard");
	TRY(sandboxed(p9("d/f"), FS(READ_FILE), &box));
	TRY(sandboxed(p9("e/hard"), FS(READ_FILE), &other));
	for (int i = 0; i < 2; i++) {
		TRY(reads(box, "other name", p9("e/hard"), "granted"));
		TRY(reads(box, "own name", p9("d/f"), "granted"));
		TRY(reads(other, "other name", p9("d/f"), "granted"));
		TRY(reads(other, "sibling", p9("e/f"), NULL));
		drop_caches();
	}
	return NULL;
}

/* The same operations on 9p and on a tmpfs of the guest. */
static const struct {
	enum op op;
	const char *from, *to;
	/* What Landlock says on tmpfs, to check this very table. */
	int error;
} refer_ops[] = {
	{ RENAME, "a/f", "b/f", EXDEV },  { RENAME, "a/x", "b/x", EXDEV },
	{ LINK, "a/f", "b/l", EXDEV },	  { EXCHANGE, "a/f", "b/h", EXDEV },
	{ RENAME, "a/f", "c/f", EACCES }, { RENAME, "c/h", "a/h", EACCES },
	{ RENAME, "a/f", "a/f2", 0 },	  { RENAME, "a/f2", "b/h", EXDEV },
	{ RENAME, "b/h", "b/h2", 0 },	  { RENAME, "b/h2", "a/h2", 0 },
	{ LINK, "b/i", "a/i", 0 },	  { RENAME, "b/y", "a/y", 0 },
	{ RENAME, "a/y", "b/y", EXDEV },  { RENAME, "a/h2", "b/h2", EXDEV },
};

static void make_file(const char *const path)
{
	const int fd = open(path, O_WRONLY | O_CREAT, 0644);

	if (fd < 0)
		broken(path);
	close(fd);
}

static const char *refer_layout(const char *const top,
				struct sandbox **const box)
{
	static const char *const dirs[] = { "", "a", "a/x", "b", "b/y", "c" };
	static const char *const files[] = { "a/f", "b/h", "b/i", "c/h" };
	const __u64 less = RO | FS(MAKE_REG) | FS(MAKE_DIR) | FS(REMOVE_FILE) |
			   FS(REMOVE_DIR) | FS(REFER);
	const int ruleset = new_ruleset();
	size_t i;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (mkdir(in(top, dirs[i]), 0755) && errno != EEXIST)
			FAIL("mkdir %s: %s", in(top, dirs[i]), strerror(errno));
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		make_file(in(top, files[i]));
	TRY(ruled(ruleset, in(top, "a"), less));
	TRY(ruled(ruleset, in(top, "b"),
		  less | FS(WRITE_FILE) | FS(EXECUTE) | FS(TRUNCATE)));
	*box = new_sandbox(ruleset, 1);
	return NULL;
}

static const char *s12_guest_rename(void)
{
	struct sandbox *box, *reference;

	TRY(refer_layout("/tmp", &reference));
	TRY(refer_layout(MNT, &box));
	for (size_t i = 0; i < sizeof(refer_ops) / sizeof(refer_ops[0]); i++) {
		drop_caches();
		TRY(expect(reference, "tmpfs", refer_ops[i].op,
			   in("/tmp", refer_ops[i].from),
			   in("/tmp", refer_ops[i].to), refer_ops[i].error));
		TRY(expect(box, "9p", refer_ops[i].op, p9(refer_ops[i].from),
			   p9(refer_ops[i].to), refer_ops[i].error));
	}
	return NULL;
}

/*
 * A rule on the root of the mount, whose inode stays, and one with more rights
 * below it: when the latter is lost, a rename into it looks like none of a gain.
 */
static const char *s12_widen(void)
{
	const __u64 less = RO | FS(MAKE_REG) | FS(REMOVE_FILE) | FS(REFER);
	const int ruleset = new_ruleset();
	struct sandbox *box;

	TRY(ruled(ruleset, MNT, less));
	TRY(ruled(ruleset, p9("e"), less | FS(WRITE_FILE)));
	box = new_sandbox(ruleset, 1);
	for (int i = 0; i < 2; i++) {
		TRY(expect(box, "gain", RENAME, p9("d/f"), p9("e/new"), EXDEV));
		TRY(expect(box, "gain", LINK, p9("d/f"), p9("e/new"), EXDEV));
		TRY(expect(box, "same", RENAME, p9("d/f"), p9("d/f2"), 0));
		TRY(expect(box, "same", RENAME, p9("d/f2"), p9("d/f"), 0));
		TRY(expect(box, "more", WRITE, p9("e/f"), "", 0));
		TRY(expect(box, "less", WRITE, p9("d/f"), "", EACCES));
		drop_caches();
	}
	return NULL;
}

static const char *s14_bind(void)
{
	const char *error = NULL;
	struct sandbox *box;

	mkdir("/mnt/bind", 0755);
	TRY(sandboxed(p9("d"), RO, &box));
	if (mount(p9(""), "/mnt/bind", NULL, MS_BIND, NULL))
		FAIL("bind mount: %s", strerror(errno));
	for (int i = 0; i < 2 && !error; i++) {
		error = reads(box, "bind", "/mnt/bind/d/f", "granted");
		if (!error)
			error = reads(box, "bind", "/mnt/bind/e/f", NULL);
		drop_caches();
	}
	umount("/mnt/bind");
	return error;
}

static const char *s14_overlay(void)
{
	const char *error = NULL;
	struct sandbox *box;
	char options[300];
	int err;

	mkdir("/mnt/ovl", 0755);
	mkdir("/tmp/upper", 0755);
	mkdir("/tmp/ovlwork", 0755);
	snprintf(options, sizeof(options),
		 "lowerdir=%s,upperdir=/tmp/upper,workdir=/tmp/ovlwork",
		 p9(""));
	if (mount("overlay", "/mnt/ovl", "overlay", 0, options)) {
		skipped = true;
		FAIL("overlayfs on 9p: %s", strerror(errno));
	}
	err = add_rule(new_ruleset(), "/mnt/ovl/d", RO);
	if (err) {
		snprintf(why, sizeof(why), "rule on overlayfs: %s",
			 name_of(err));
		error = why;
	} else {
		box = new_sandbox(rulesets[ruleset_count - 1], 1);
		error = reads(box, "overlay", "/mnt/ovl/d/f", "granted");
		if (!error)
			error = reads(box, "overlay", "/mnt/ovl/e/f", NULL);
		if (!error)
			error = reads(box, "lower", p9("d/f"), NULL);
	}
	umount("/mnt/ovl");
	return error;
}

static const char *s15_umount(void)
{
	struct sandbox *dir, *file;
	long fds;
	int err;

	TRY(sandboxed(p9("d"), RO, &dir));
	TRY(sandboxed(p9("d/f"), FS(READ_FILE), &file));
	TRY(reads(dir, "before", p9("d/f"), "granted"));
	err = do_umount();
	if (err)
		FAIL("umount with live rules: %s", name_of(err));
	fds = host_fds(fds_before);
	if (fds != fds_before)
		FAIL("QEMU holds %ld files after umount, %ld before mount", fds,
		     fds_before);
	err = do_mount();
	if (err)
		FAIL("second mount: %s", name_of(err));
	TRY(reads(NULL, "mounted again", p9("d/f"), "granted"));
	TRY(reads(dir, "mounted again", p9("d/f"), NULL));
	TRY(reads(file, "mounted again", p9("d/f"), NULL));
	/* The rulesets of the dead mount take new rules. */
	TRY(ruled(rulesets[0], p9("d"), RO));
	TRY(reads(new_sandbox(rulesets[0], 1), "new rule", p9("d/f"),
		  "granted"));
	return NULL;
}

/* MANY rules, each on a file of its own. */
static const char *many_rules(long *const pinned)
{
	const int ruleset = new_ruleset();

	host("files", "many", "500");
	for (int i = 1; i <= MANY; i++) {
		char name[32];

		snprintf(name, sizeof(name), "many/%d", i);
		TRY(ruled(ruleset, p9(name), FS(READ_FILE)));
	}
	*pinned = host_fds(0) - fds_before;
	return NULL;
}

static const char *s15_many(void)
{
	long pinned, fds;
	int err;

	TRY(many_rules(&pinned));
	close_rulesets();
	err = do_umount();
	if (err)
		FAIL("umount: %s", name_of(err));
	fds = host_fds(fds_before);
	if (fds != fds_before)
		FAIL("QEMU holds %ld files after umount, %ld before mount", fds,
		     fds_before);
	if (pinned < MANY)
		FAIL("%d rules pinned only %ld files", MANY, pinned);
	return NULL;
}

static const char *s15_many_live(void)
{
	long pinned, fds;
	int err;

	TRY(many_rules(&pinned));
	err = do_umount();
	if (err)
		FAIL("umount: %s", name_of(err));
	fds = host_fds(fds_before);
	if (fds != fds_before)
		FAIL("QEMU holds %ld files after umount, %ld before mount", fds,
		     fds_before);
	if (pinned < MANY)
		FAIL("%d rules pinned only %ld files", MANY, pinned);
	return NULL;
}

static const char *s16_teardown(void)
{
	struct sandbox *box;
	long before, pinned, fds;

	drop_caches();
	before = host_fds(0);
	TRY(sandboxed(p9("d/f"), FS(READ_FILE), &box));
	pinned = host_fds(0) - before;
	if (pinned != 1)
		FAIL("a rule pins %ld files", pinned);
	TRY(ruled(new_ruleset(), p9("d/f"), FS(READ_FILE)));
	pinned = host_fds(0) - before;
	if (pinned != 1)
		FAIL("two rules on one file pin %ld files", pinned);
	close_rulesets();
	TRY(reads(box, "rulesets closed", p9("d/f"), "granted"));
	drop_caches();
	pinned = host_fds(0) - before;
	if (pinned != 1)
		FAIL("the last rule on a file pins %ld files", pinned);
	end_sandboxes();
	fds = host_fds(before);
	if (fds != before)
		FAIL("QEMU holds %ld files after teardown, %ld before", fds,
		     before);
	return NULL;
}

/* A FIFO is never opened on the host: nobody would open its other end. */
static const char *s20_special(void)
{
	struct sandbox *box;
	int err;

	host("fifo", "d/p", "");
	err = add_rule(new_ruleset(), p9("d/p"), FS(READ_FILE));
	if (err)
		FAIL("rule on a FIFO: %s", name_of(err));
	TRY(sandboxed(p9("d"), RO, &box));
	drop_caches();
	/* Pipe of the guest: nothing to read, no writer. */
	TRY(expect(box, "fifo", READ, p9("d/p"), "", 0));
	return NULL;
}

static const char *s21_layers(void)
{
	const int ruleset = new_ruleset();
	struct sandbox *box;

	TRY(ruled(ruleset, p9("d"), RO));
	TRY(ruled(ruleset, "/tmp", RO));
	box = new_sandbox(ruleset, 16);
	for (int i = 0; i < 2; i++) {
		TRY(reads(box, "16 layers", p9("d/sub/g"), "deep"));
		TRY(reads(box, "16 layers", p9("e/f"), NULL));
		TRY(expect(box, "16 layers", LIST, "/tmp", "", 0));
		drop_caches();
	}
	return NULL;
}

static pid_t looper(void (*const body)(void))
{
	const pid_t pid = fork();

	if (pid < 0)
		broken("fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			body();
	}
	return pid;
}

static void race_rules(void)
{
	const int ruleset = new_ruleset();

	add_rule(ruleset, p9("d"), RO);
	add_rule(ruleset, p9("d/f"), FS(READ_FILE));
	add_rule(ruleset, p9("e/f"), FS(READ_FILE));
	close_rulesets();
}

static void race_drop(void)
{
	drop_caches();
	usleep(1000);
}

/* Rules come and go, the host renames, caches go, a sandbox reads. */
static const char *s24_races(void)
{
	const char *error = NULL;
	struct sandbox *box;
	pid_t pids[3];
	int seen = 0, denied = 0;

	TRY(sandboxed(p9("d"), RO, &box));
	pids[0] = looper(race_rules);
	pids[1] = looper(race_rules);
	pids[2] = looper(race_drop);
	for (int i = 0; i < 30 && !error; i++) {
		struct reply reply;

		host("flip", "d", "40");
		for (int j = 0; j < 10 && !error; j++) {
			reply = ask(box, READ, p9("d/f"), "");
			if (!reply.error)
				seen++;
			/*
			 * Moved between the lookup and its judging: where the
			 * server has it, no rule covers it.  Or a reply of
			 * QEMU has no generation, if this happens between its
			 * lstat() and its FS_IOC_GETVERSION.
			 */
			else if (reply.error == EACCES)
				denied++;
			else if (reply.error != ENOENT &&
				 reply.error != ESTALE) {
				snprintf(why, sizeof(why), "granted file: %s",
					 name_of(reply.error));
				error = why;
			}
			reply = ask(box, READ, p9("e/f"), "");
			if (!reply.error) {
				snprintf(why, sizeof(why),
					 "denied file was read");
				error = why;
			}
		}
	}
	for (size_t i = 0; i < 3; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	/* Waits until the host is done. */
	host("flipped", "", "");
	TRY(error);
	fprintf(stderr, "guest_9p: races: %d read, %d denied\n", seen, denied);
	if (!seen)
		FAIL("the granted file was never read");
	TRY(reads(box, "after", p9("d/f"), "granted"));
	TRY(reads(box, "after", p9("e/f"), NULL));
	return NULL;
}

static int run_sandboxer(const char *const path)
{
	char command[600];
	int status;

	snprintf(command, sizeof(command),
		 "LL_FS_RO=/bin:%s LL_FS_RW=/dev/null sandboxer /bin/cat %s "
		 ">/tmp/sandboxer.out 2>&1",
		 p9("d"), path);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *sandboxer(void)
{
	if (run_sandboxer(p9("d/f")))
		FAIL("sandboxer cat d/f fails");
	drop_caches();
	if (run_sandboxer(p9("d/sub/g")))
		FAIL("sandboxer cat d/sub/g fails");
	if (!run_sandboxer(p9("e/f")))
		FAIL("sandboxer cat e/f succeeds");
	return NULL;
}

/* QEMU truncates what has the name under which a file was opened. */
static const char *s30_truncate_open(void)
{
	const int fd = open(p9("d/f"), O_RDWR | O_CLOEXEC);

	if (fd < 0)
		FAIL("open: %s", name_of(errno));
	if (rename(p9("e/f"), p9("d/f")))
		FAIL("rename: %s", name_of(errno));
	if (ftruncate(fd, 0) && errno != ESTALE)
		FAIL("ftruncate: %s", name_of(errno));
	close(fd);
	return reads(NULL, "renamed over it", p9("d/f"), "secret");
}

static const struct {
	const char *name;
	const char *(*run)(void);
	/* Needs a look at the server's tree, which cached modes do not take. */
	bool loose;
} cases[] = {
	{ "S00_control", s00_control, true },
	{ "S01_relookup_dir", s01_dir, true },
	{ "S01_relookup_file", s01_file, true },
	{ "S02_rewrite", s02_rewrite, true },
	{ "S03_move_ruled_dir", s03_dir, true },
	{ "S03_move_ruled_file", s03_file, true },
	{ "S04_move_out", s04_move_out, true },
	{ "S06_move_in", s06_move_in, true },
	{ "S08_recycle_file", s08_file, true },
	{ "S08_recycle_dir", s08_dir, true },
	{ "S09_pin_lost", s09_pin_lost, false },
	{ "S11_hardlink", s11_hardlink, true },
	{ "S12_guest_rename", s12_guest_rename, true },
	{ "S12_guest_rename_widen", s12_widen, true },
	{ "S14_bind", s14_bind, true },
	{ "S14_overlay", s14_overlay, true },
	{ "S15_umount", s15_umount, true },
	{ "S15_umount_500_released", s15_many, true },
	{ "S15_umount_500_live", s15_many_live, true },
	{ "S15_umount_force", s15_umount_force, false },
	{ "S16_teardown", s16_teardown, true },
	{ "S17_kill", s17_kill, false },
	{ "S17_kill_umount", s17_kill_umount, false },
	{ "S20_special", s20_special, true },
	{ "S21_layers", s21_layers, true },
	{ "S24_races", s24_races, false },
	{ "S30_truncate_open", s30_truncate_open, false },
	{ "sandboxer", sandboxer, true },
};

static bool wanted(const size_t i, const char *const mode)
{
	const char *const only = getenv("ONLY");

	if (only && !strstr(cases[i].name, only))
		return false;
	return cases[i].loose || strcmp(mode, "loose");
}

static void run_case(const size_t i)
{
	const char *error;
	long fds;
	int err;

	snprintf(case_dir, sizeof(case_dir), "%s.%s", cache, cases[i].name);
	fprintf(stderr, "guest_9p: %s\n", case_dir);
	host("fresh", "", "");
	skipped = false;
	fds_before = host_fds(0);
	err = do_mount();
	if (err) {
		snprintf(why, sizeof(why), "mount: %s", name_of(err));
		error = why;
	} else {
		error = cases[i].run();
	}
	end_sandboxes();
	close_rulesets();
	err = mounted ? do_umount() : 0;
	if (err && !error) {
		snprintf(why, sizeof(why), "umount: %s", name_of(err));
		error = why;
	}
	if (err && umount2(MNT, MNT_DETACH) == 0)
		mounted = false;
	fds = host_fds(fds_before);
	if (fds != fds_before && !error) {
		snprintf(why, sizeof(why),
			 "QEMU holds %ld files at the end, %ld before mount",
			 fds, fds_before);
		error = why;
	}
	host("gone", "", "");
	if (!error)
		tell("ok %s", case_dir);
	else
		tell("%s %s # %s", skipped ? "skip" : "not", case_dir, error);
}

int main(void)
{
	const char *const list = getenv("CACHES");
	char caches[100], *mode, *rest;

	signal(SIGPIPE, SIG_IGN);
	umask(022);
	mkdir(MNT, 0755);
	open_host();
	for (int pass = 0; pass < 2; pass++) {
		snprintf(caches, sizeof(caches), "%s", list ? list : "none");
		for (mode = strtok_r(caches, ",", &rest); mode;
		     mode = strtok_r(NULL, ",", &rest)) {
			cache = mode;
			for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]);
			     i++) {
				if (!wanted(i, mode))
					continue;
				if (pass)
					run_case(i);
				else
					tell("plan %s.%s", mode, cases[i].name);
			}
		}
	}
	tell("end");
	return 0;
}

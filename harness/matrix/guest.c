// SPDX-License-Identifier: GPL-2.0
/*
 * What Landlock says on 9p mounts of real servers, seen from the guest
 *
 * Runs as root.  Its input and output lead to serve.sh on the server's side,
 * which owns the exports and moves what is asked for.  Lines from here to there,
 * besides those in guest.h; the fields of the last are separated by tabs:
 *
 *   next                asks for a server; the answer is "SERVER SOURCE OPTIONS
 *                       FLAGS", or "end"
 *   plan SERVER SCENARIO WHAT
 *   done SERVER SCENARIO
 *   cell SERVER SCENARIO STEP VERDICT ERRNO MESSAGES FREE PROMISE NOTE
 *                       PROMISE is kept, limit (see guest.h), or what is wrong
 *   end                 the last line
 *
 * Flags of a server: generations (it gives them), reclaims (it closes files that
 * the guest has open when it is short of descriptors), twins (the export has
 * only m1 and m2, two filesystems with equal inode numbers).
 *
 * Each scenario has a directory of its own in the export and a mount of its own.
 * The host makes d/f "granted", d/sub/g "deep", e/f "secret", e/sub.
 */

#define _GNU_SOURCE
#include "guest.h"

static const enum way held[] = { BY_CWD, BY_OPATH, BY_ODIR, BY_PROC };
#define HELD(way) \
	for (size_t way = 0; way < sizeof(held) / sizeof(held[0]); way++)

static void s01_relookup(void)
{
	start();
	sandbox(rule("d", RO));
	drop_caches();
	reads("below a ruled directory", READ, BY_NAME, "d/f", "granted");
	reads("deep below a ruled directory", READ, BY_NAME, "d/sub/g", "deep");
	reads("beside a ruled directory", READ, BY_NAME, "e/f", NULL);
	start();
	sandbox(rule("d/f", FS(READ_FILE)));
	drop_caches();
	reads("a ruled file", READ, BY_NAME, "d/f", "granted");
	reads("beside a ruled file", READ, BY_NAME, "d/sub/g", NULL);
}

static void s03_move_ruled(void)
{
	start();
	hold("d", "d/f");
	sandbox(rule("d", RO));
	host("mv", "d", "e/moved");
	host("mkdir", "d", "");
	host("write", "d/f", "impostor");
	drop_caches();
	reads("new place of a directory", READ, BY_NAME, "e/moved/f",
	      "granted");
	reads("old place of a directory", READ, BY_NAME, "d/f", "granted");
	HELD(i)
	reads("directory held", READ, held[i], "f", "granted");

	host("fresh", "", "");
	start();
	hold("d", "d/f");
	sandbox(rule("d/f", FS(READ_FILE)));
	host("mv", "d/f", "e/moved");
	host("write", "d/f", "impostor");
	drop_caches();
	reads("new place of a file", READ, BY_NAME, "e/moved", "granted");
	reads("old place of a file", READ, BY_NAME, "d/f", "granted");
	reads("file held", READ, BY_FILE, "", "granted");
}

static void s04_move_out(void)
{
	start();
	sandbox(rule("d", RO));
	host("mv", "d/f", "e/out");
	host("mv", "d/sub", "e/subout");
	drop_caches();
	reads("file, new place", READ, BY_NAME, "e/out", NULL);
	reads("directory, new place", READ, BY_NAME, "e/subout/g", NULL);
}

/* For changes(): one for the sandbox, one for the process that is free. */
static void pair(const char *const name)
{
	char free_one[32];

	snprintf(free_one, sizeof(free_one), "%s.c", name);
	host("write", name, name);
	host("write", free_one, name);
}

static void s05_move_out_held(void)
{
	host("write", "d/h", "stays");
	pair("d/sub/u");
	pair("d/sub/r");
	start();
	hold("d/sub", "d/f");
	sandbox(rule("d", RO | FS(MAKE_REG) | FS(WRITE_FILE) | FS(REMOVE_FILE) |
				  FS(REFER)));
	reads("before", READ, BY_CWD, "g", "deep");
	host("mv", "d/sub", "e/subout");
	host("mv", "d/f", "e/out");
	HELD(i)
	reads("read", READ, held[i], "g", NULL);
	HELD(i)
	reads("list", LIST, held[i], ".", NULL);
	reads("read", READ, BY_FILE, "", NULL);
	HELD(i)
	{
		char name[16];

		snprintf(name, sizeof(name), "new%zu", i);
		changes("create", CREATE, held[i], name, BY_NAME, "",
			DENIED_ANYHOW);
	}
	changes("unlink", UNLINK, BY_OPATH, "u", BY_NAME, "", DENIED_ANYHOW);
	changes("rename to the ruled one", RENAME, BY_OPATH, "r", BY_NAME,
		"d/r", DENIED_ANYHOW);
	reads("what stays, through ..", READ, BY_CWD, "../h", "stays");
}

static void s06_move_in_held(void)
{
	const __u64 less = RO | FS(MAKE_REG) | FS(REMOVE_FILE) | FS(REFER);
	int ruleset;

	host("write", "e/sub/g", "moved-in");
	start();
	hold("e/sub", "e/sub/g");
	sandbox(rule("d", RO));
	host("mv", "e/sub", "d/in");
	HELD(i)
	reads("old handle", READ, held[i], "g", NULL);
	reads("old handle", READ, BY_FILE, "", NULL);
	drop_caches();
	reads("looked up", READ, BY_NAME, "d/in/g", "moved-in");

	/* Writing, in d, would be gained. */
	host("fresh", "", "");
	pair("e/x");
	pair("e/l");
	start();
	hold("e/sub", "e/f");
	ruleset = rule("e", less);
	ruled(ruleset, "d", less | FS(WRITE_FILE));
	sandbox(ruleset);
	host("mv", "e/sub", "d/in");
	changes("rename into, gains", RENAME, BY_NAME, "e/x", BY_OPATH, "x",
		DENIED_ANYHOW);
	changes("link into, gains", LINK, BY_NAME, "e/l", BY_OPATH, "l",
		DENIED_ANYHOW);

	/* Writing, in e, would be gained. */
	host("fresh", "", "");
	pair("e/sub/x");
	pair("e/sub/l");
	start();
	hold("e/sub", "e/f");
	ruleset = rule("d", less);
	ruled(ruleset, "e", less | FS(WRITE_FILE));
	sandbox(ruleset);
	host("mv", "e/sub", "d/in");
	changes("rename out of, gains", RENAME, BY_OPATH, "x", BY_NAME, "e/x",
		DENIED_ANYHOW);
	changes("link out of, gains", LINK, BY_OPATH, "l", BY_NAME, "e/l",
		DENIED_ANYHOW);
}

static void replace_sub(void)
{
	host("mv", "d/sub", "e/old");
	host("mkdir", "d/sub", "");
	host("write", "d/sub/g", "impostor");
}

static void s07_replace_held(void)
{
	start();
	hold("d/sub", "d/sub/g");
	sandbox(rule("d/sub", RO));
	replace_sub();
	HELD(i)
	reads("rule on the old one", READ, held[i], "g", "deep");
	reads("rule on the old one", READ, BY_NAME, "d/sub/g", "deep");

	host("fresh", "", "");
	start();
	hold("d/sub", "d/sub/g");
	sandbox(rule("d", RO));
	replace_sub();
	HELD(i)
	reads("rule above", READ, held[i], "g", "impostor");
	reads("rule above", READ, BY_NAME, "d/sub/g", "impostor");
}

/* Makes it anew, if possible with its inode number. */
static void recycle(const char *const name, const char *const ino)
{
	/* The tries are at most 100. */
	if (host("recycle", name, ino))
		snprintf(note, sizeof(note), "number used again");
}

/* The first removal makes room for a number that is easy to get. */
static const char *prepare_recycle(const char *const name)
{
	static char ino[24];

	snprintf(ino, sizeof(ino), "%ld", host("ino", name, ""));
	host("recycle", name, ino);
	snprintf(ino, sizeof(ino), "%ld", host("ino", name, ""));
	return ino;
}

static void s08_recycle(void)
{
	const char *ino = prepare_recycle("d/f");

	start();
	sandbox(rule("d/f", FS(READ_FILE)));
	reads("file, before", READ, BY_NAME, "d/f", "recycled");
	recycle("d/f", ino);
	drop_caches();
	reads("file", READ, BY_NAME, "d/f", NULL);

	ino = prepare_recycle("d/sub");
	start();
	sandbox(rule("d/sub", RO));
	reads("directory, before", READ, BY_NAME, "d/sub/f", "recycled");
	recycle("d/sub", ino);
	drop_caches();
	reads("directory", READ, BY_NAME, "d/sub/f", NULL);
	reads("directory, list", LIST, BY_NAME, "d/sub", NULL);
}

/* Makes the server close what it can. */
static int many[700];

static void open_many(void)
{
	host("files", "many", "700");
	for (int i = 0; i < 700; i++) {
		char name[32];

		snprintf(name, sizeof(name), "many/%d", i + 1);
		many[i] = open(in(MNT, name), O_RDONLY | O_CLOEXEC);
		if (many[i] < 0)
			broken(name);
	}
}

static void close_many(void)
{
	for (int i = 0; i < 700; i++)
		close(many[i]);
	host("rm", "many", "");
}

static void s09_pin_lost(void)
{
	const char *ino;

	if (!has_flag("reclaims")) {
		not_staged("made anew, by name", "the server closes nothing by itself");
		return;
	}
	ino = prepare_recycle("d/sub");
	start();
	sandbox(rule("d/sub", RO));
	reads("before", READ, BY_NAME, "d/sub/f", "recycled");
	open_many();
	recycle("d/sub", ino);
	close_many();
	drop_caches();
	reads("made anew", READ, BY_NAME, "d/sub/f", NULL);
}

static void s11_hardlink(void)
{
	host("ln", "d/f", "e/hard");
	start();
	sandbox(rule("d/f", FS(READ_FILE)));
	drop_caches();
	reads("second name", READ, BY_NAME, "e/hard", "granted");
	reads("beside the second name", READ, BY_NAME, "e/f", NULL);
}

static void make(const char *const name)
{
	const int fd =
		open(in(MNT, name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0)
		broken(name);
	close(fd);
}

static void make_dir(const char *const name)
{
	if (mkdir(in(MNT, name), 0755))
		broken(name);
}

static void s12_guest_rename(void)
{
	static const char *const dirs[] = { "a",   "a/x",   "a/x.c", "b",
					    "b/y", "b/y.c", "c" };
	static const char *const files[] = { "a/f", "a/g", "a/h", "a/i",
					     "b/j", "b/k", "c/l" };
	static const struct {
		const char *step;
		enum op op;
		const char *from, *to;
		int error;
	} ops[] = {
		{ "rename a file, gains", RENAME, "a/f", "b/f", EXDEV },
		{ "link a file, gains", LINK, "a/g", "b/g", EXDEV },
		{ "rename a directory, gains", RENAME, "a/x", "b/x", EXDEV },
		{ "rename to where nothing is ruled", RENAME, "a/h", "c/h",
		  EACCES },
		{ "rename from where nothing is ruled", RENAME, "c/l", "a/l",
		  EACCES },
		{ "rename in a directory", RENAME, "a/i", "a/i2", 0 },
		{ "rename a file, loses", RENAME, "b/j", "a/j", 0 },
		{ "link a file, loses", LINK, "b/k", "a/k", 0 },
		{ "rename a directory, loses", RENAME, "b/y", "a/y", 0 },
	};
	const __u64 less = RO | FS(MAKE_REG) | FS(MAKE_DIR) | FS(REMOVE_FILE) |
			   FS(REMOVE_DIR) | FS(REFER);
	size_t i;
	int ruleset;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		make_dir(dirs[i]);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char name[16];

		make(files[i]);
		snprintf(name, sizeof(name), "%s.c", files[i]);
		make(name);
	}
	ruleset = rule("a", less);
	ruled(ruleset, "b", less | FS(WRITE_FILE) | FS(EXECUTE));
	start();
	sandbox(ruleset);
	drop_caches();
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		changes(ops[i].step, ops[i].op, BY_NAME, ops[i].from, BY_NAME,
			ops[i].to, ops[i].error);
}

/* No sandbox: what acts for another user must be what that user was handed. */
static void s27_uid_handoff(void)
{
	may_fail = true;
	start();
	hold("d/sub", "d/f");
	become(1000);
	host("mv", "d/f", "e/old-f");
	host("write", "d/f", "impostor");
	replace_sub();
	reads("file replaced, other user", READ, BY_FILE, "", "granted");
	HELD(i)
	reads("directory replaced, other user", READ, held[i], "g", "deep");

	host("fresh", "", "");
	start();
	hold("d/sub", "d/f");
	host("mv", "d/f", "e/old-f");
	host("write", "d/f", "impostor");
	reads("file replaced, same user", READ, BY_FILE, "", "granted");
}

/* QEMU, without the right to read any file, then gives no generation. */
static void s28_gen_lost(void)
{
	const bool lost = has_flag("generations");

	pair("d/f");
	start();
	sandbox(rule("d/f", FS(WRITE_FILE)));
	changes("write, before", WRITE, BY_NAME, "d/f", BY_NAME, "", 0);
	host("chmod", "d/f", "0222");
	host("chmod", "d/f.c", "0222");
	drop_caches();
	changes("write, mode 0222", WRITE, BY_NAME, "d/f", BY_NAME, "",
		lost ? DENIED_ANYHOW : 0);
	host("chmod", "d/f", "0644");
	drop_caches();
	changes("write, mode 0644 again", WRITE, BY_NAME, "d/f", BY_NAME, "",
		0);

	start();
	sandbox(rule("d/sub", RO));
	host("chmod", "d/sub", "0111");
	drop_caches();
	reads("below a directory of mode 0111", READ, BY_NAME, "d/sub/g",
	      lost ? NULL : "deep");
	host("chmod", "d/sub", "0755");
	drop_caches();
	reads("below it, mode 0755", READ, BY_NAME, "d/sub/g", "deep");
}

static void s30_rename_over(void)
{
	host("mkdir", "d/empty", "");
	start();
	sandbox(rule("d/empty", RO));
	make_dir("e/new");
	if (has_flag("reclaims"))
		open_many();
	if (rename(in(MNT, "e/new"), in(MNT, "d/empty")))
		broken("rename over d/empty");
	host("write", "d/empty/x", "impostor");
	if (has_flag("reclaims"))
		close_many();
	drop_caches();
	reads("read in the new one", READ, BY_NAME, "d/empty/x", NULL);
	reads("list the new one", LIST, BY_NAME, "d/empty", NULL);
}

static void twins(void)
{
	snprintf(case_dir, sizeof(case_dir), ".");
	host("twins", "", "");
}

static void s10_collide(void)
{
	twins();
	start();
	sandbox(rule("m1/dir", RO));
	drop_caches();
	reads("ruled directory", READ, BY_NAME, "m1/dir/one", "one");
	reads("its twin", READ, BY_NAME, "m2/dir/two", NULL);
	reads("its twin, list", LIST, BY_NAME, "m2/dir", NULL);
	start();
	sandbox(rule("m1/dir/one", FS(READ_FILE)));
	drop_caches();
	reads("ruled file", READ, BY_NAME, "m1/dir/one", "one");
	reads("its twin, a file", READ, BY_NAME, "m2/dir/two", NULL);
}

/* cd m1/dir; ls m2/dir */
static void landmark(void)
{
	twins();
	start();
	hold("m1/dir", "m1/dir/one");
	reads("ls m2/dir in m1/dir, free", LIST, BY_NAME, "m2/dir", "two");
	reads("ls . in m1/dir, free", LIST, BY_CWD, ".", "one");
	start();
	hold("m1/dir", "m1/dir/one");
	sandbox(rule("m1/dir", RO));
	reads("ls m2/dir in m1/dir, ruled", LIST, BY_NAME, "m2/dir", NULL);
	reads("ls . in m1/dir, ruled", LIST, BY_CWD, ".", "one");
	reads("cat m2/dir/two in m1/dir, ruled", READ, BY_NAME, "m2/dir/two",
	      NULL);
}

static const struct {
	const char *name, *what;
	void (*run)(void);
	bool twins;
} scenarios[] = {
	{ "S01_relookup", "all caches are dropped", s01_relookup, false },
	{ "S03_move_ruled", "the server moves what has the rule",
	  s03_move_ruled, false },
	{ "S04_move_out", "the server moves something out of a ruled directory",
	  s04_move_out, false },
	{ "S05_move_out_held", "the same, while the guest holds it",
	  s05_move_out_held, false },
	{ "S06_move_in_held",
	  "the server moves what the guest holds into a ruled directory",
	  s06_move_in_held, false },
	{ "S07_replace_held",
	  "the server puts another directory where the held one was",
	  s07_replace_held, false },
	{ "S08_recycle",
	  "the server deletes what has the rule and makes it anew, if it can "
	  "with the same inode number",
	  s08_recycle, false },
	{ "S09_pin_lost",
	  "the same, after the server closed what keeps the number in use",
	  s09_pin_lost, false },
	{ "S10_collide", "two filesystems with equal inode numbers",
	  s10_collide, true },
	{ "S11_hardlink", "a ruled file has a second name", s11_hardlink,
	  false },
	{ "S12_guest_rename",
	  "the guest renames and links between ruled directories",
	  s12_guest_rename, false },
	{ "S27_uid_handoff",
	  "a held file acts for another user after its path was replaced; there "
	  "is no sandbox, the other file must not be seen",
	  s27_uid_handoff, false },
	{ "S28_gen_lost",
	  "mode bits keep the server from telling the generation", s28_gen_lost,
	  false },
	{ "S30_rename_over",
	  "the guest renames an empty directory over a ruled one whose pin the "
	  "server closed",
	  s30_rename_over, false },
	{ "landmark",
	  "two filesystems with equal inode numbers and times: cd m1/dir; ls "
	  "m2/dir",
	  landmark, true },
};

static bool next_server(char *const source, char *const options)
{
	char line[400];

	tell("next");
	if (!fgets(line, sizeof(line), from_host))
		broken("no answer from the host");
	*flags = '\0';
	return sscanf(line, "%31s %99s %199s %99[^\n]", server, source, options,
		      flags) >= 3;
}

/* Nothing counts as fresh, so that every link is asked for. */
#define NEVER_FRESH "freshness=0"

static int mount_9p(const char *const source, const char *const options)
{
	char all[250];

	snprintf(all, sizeof(all), "%s," NEVER_FRESH, options);
	return mount(source, MNT, "9p", 0, all);
}

/* In a process of its own: whatever fails in a scenario is the end only of it. */
static bool run_scenario(const size_t i, const char *const source,
			 const char *const options)
{
	int status = -1;
	pid_t pid;

	scenario = scenarios[i].name;
	fprintf(stderr, "matrix: %s %s\n", server, scenario);
	snprintf(case_dir, sizeof(case_dir), "%s", scenario);
	host("fresh", "", "");
	if (mount_9p(source, options))
		broken("mount");
	pid = fork();
	if (pid < 0)
		broken("fork");
	if (pid == 0) {
		scenarios[i].run();
		end_actors();
		exit(0);
	}
	waitpid(pid, &status, 0);
	if (umount(MNT)) {
		perror("matrix: umount");
		umount2(MNT, MNT_DETACH);
		status = -1;
	}
	host("gone", "", "");
	return status == 0;
}

int main(void)
{
	const size_t count = sizeof(scenarios) / sizeof(scenarios[0]);
	const char *const only = getenv("ONLY");
	char source[100], options[200];

	signal(SIGPIPE, SIG_IGN);
	umask(022);
	mkdir(MNT, 0755);
	open_host();
	count_requests();
	while (next_server(source, options)) {
		for (int pass = 0; pass < 2; pass++) {
			for (size_t i = 0; i < count; i++) {
				if (scenarios[i].twins != has_flag("twins") ||
				    (only && !strstr(scenarios[i].name, only)))
					continue;
				if (!pass)
					tell("plan\t%s\t%s\t%s", server,
					     scenarios[i].name,
					     scenarios[i].what);
				else if (run_scenario(i, source, options))
					tell("done\t%s\t%s", server,
					     scenarios[i].name);
			}
		}
	}
	tell("end");
	return 0;
}

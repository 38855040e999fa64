/*
 * `segmap lab` with experiments of its own, most of which predict wrongly or cannot come to a
 * verdict: for the test that this is seen and said.
 */
#include "bench.h"

#include "cli/command.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static void right(struct lab *lab)
{
	char *page = lab_map(lab, 1, MAP_PRIVATE, -1);

	lab_write(lab, "a write", page, 'W', 1);
	lab_state(lab, "after it", page, SEGMAP_PAGE_ANON);
}

static void wrong_state(struct lab *lab)
{
	int file = lab_file(lab, 1);
	char *page = lab_map(lab, 1, MAP_PRIVATE, file);

	lab_write(lab, "a write", page, 'W', 1);
	lab_state(lab, "after it", page, SEGMAP_PAGE_FILE);
}

static void wrong_faults(struct lab *lab)
{
	char *page = lab_map(lab, 1, MAP_PRIVATE, -1);

	lab_write(lab, "a write", page, 'W', 2);
}

static void wrong_byte(struct lab *lab)
{
	int file = lab_file(lab, 1);
	char *page = lab_map(lab, 1, MAP_SHARED, file);

	*page = 'W';
	lab_holds(lab, "the file", file, 0, 'a');
}

static void wrong_range(struct lab *lab)
{
	char *mapping = lab_map(lab, 4, MAP_PRIVATE, -1);

	*mapping = 'W';
	lab_present(lab, "pages", mapping, 4, 2, 4);
}

static void wrong_mapped(struct lab *lab)
{
	char *page = lab_map(lab, 1, MAP_SHARED, -1);

	lab_mapped(lab, "the page", getpid(), page, false);
}

static void wrong_signal(struct lab *lab)
{
	char *page = lab_map(lab, 1, MAP_SHARED, -1);

	lab_write_dies(lab, "a write", page, SIGSEGV);
}

static void wrong_child(struct lab *lab)
{
	char *page = lab_map(lab, 1, MAP_SHARED, -1);

	if (lab_fork(lab)) {
		lab_read(lab, "the child's read", page, 'x', 1);
		lab_exit(lab);
	}
	lab_wait(lab);
}

static void wrong_end(struct lab *lab)
{
	lab_number(lab, "one", LAB_KERNEL, 1, 1);
	raise(SIGKILL);
}

static void wrong_child_end(struct lab *lab)
{
	if (lab_fork(lab))
		raise(SIGKILL);
	lab_wait(lab);
}

static void lacks_all(struct lab *lab)
{
	lab_number(lab, "one", LAB_KERNEL, 1, 1);
	lab_give_up(lab, "a thing that is not here", ENOENT);
}

static void lacks_in_child(struct lab *lab)
{
	if (lab_fork(lab))
		lab_give_up(lab, "a thing that the child needs", ENOENT);
	lab_await(lab, 0); /* nobody will come */
}

static void lacks_everything(struct lab *lab)
{
	(void)lab;
}

static const struct lab_experiment experiments[] = {
	{"right", "", "test", "A right prediction.", right},
	{"wrong-state", "", "test", "A wrong state of a page.", wrong_state},
	{"wrong-faults", "", "test", "A wrong number of faults.", wrong_faults},
	{"wrong-byte", "", "test", "A wrong byte.", wrong_byte},
	{"wrong-range", "", "test", "A wrong range.", wrong_range},
	{"wrong-mapped", "", "test", "A wrong mapping.", wrong_mapped},
	{"wrong-signal", "", "test", "A signal that does not come.", wrong_signal},
	{"wrong-child", "", "test", "A wrong prediction in a child.", wrong_child},
	{"wrong-end", "", "test", "An end that was not predicted.", wrong_end},
	{"wrong-child-end", "", "test", "A child's end that was not predicted.",
	 wrong_child_end},
	{"lacks-all", "", "test", "Something is missing.", lacks_all},
	{"lacks-in-child", "", "test", "Something is missing in a child.", lacks_in_child},
	{"lacks-everything", "", "test", "Nothing is observed.", lacks_everything},
	{0},
};

const struct lab_experiment *const lab_groups[] = {experiments, NULL};
const struct lab_code lab_codes[] = {{NULL, NULL}};

int main(int argc, char **argv)
{
	return finish_output(command_lab.run(argc, argv), EXIT_OWN);
}

/* Beside the table: why the data of a program is a private mapping. */
#include "bench.h"
#include "groups.h"

static void private_data(struct lab *lab)
{
	int program = lab_program(lab); /* of a counter that is 41 in its file */

	lab_number(lab, "the first run counts to", LAB_BYTES,
		   lab_load(lab, program, MAP_PRIVATE), 42);
	lab_number(lab, "the second run counts to", LAB_BYTES,
		   lab_load(lab, program, MAP_PRIVATE), 42);
}

static void shared_data(struct lab *lab)
{
	int program = lab_program(lab); /* of a counter that is 41 in its file */

	lab_number(lab, "the first run counts to", LAB_BYTES,
		   lab_load(lab, program, MAP_SHARED), 42);
	lab_number(lab, "the second run counts to", LAB_BYTES,
		   lab_load(lab, program, MAP_SHARED), 43);
	lab_number(lab, "then, loaded with private data", LAB_BYTES,
		   lab_load(lab, program, MAP_PRIVATE), 44);
	lab_number(lab, "and once more", LAB_BYTES, lab_load(lab, program, MAP_PRIVATE), 44);
}

const struct lab_experiment lab_data[] = {
	{"private-data", "", "a program's data",
	 "A program with private data finds its variables as they are in its file, at each "
	 "run.",
	 private_data},
	{"shared-data", "", "a program's data",
	 "With a shared data segment a global variable survives: the program changes its file.",
	 shared_data},
	{0},
};

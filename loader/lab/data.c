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
	 "With private data each run finds the variables as they are in the file.",
	 private_data},
	{"shared-data", "", "a program's data",
	 "With shared data a global variable survives: the program changes its file.",
	 shared_data},
	{0},
};

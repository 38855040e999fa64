/* The parts of `segmap lab`. */
#ifndef CLI_LAB_SHOW_H
#define CLI_LAB_SHOW_H

#include "json.h"
#include "lab/lab.h"
#include "subject.h"

struct lab_options {
	struct view_options view;
	bool list, code, quiz;
};

/* A witness that could not be asked, and why. */
struct lab_lack {
	enum lab_witness witness;
	char why[LAB_REASON];
	size_t observations;
};

/* What the experiments have come to. */
struct lab_sum {
	size_t experiments, verdicts[LAB_VERDICT_COUNT];
	struct lab_lack lacks[LAB_WITNESS_COUNT];
	size_t lack_count;
};

/* Adds RESULT to SUM. */
void lab_sum_add(struct lab_sum *sum, const struct lab_result *result);

/* lab_table.c. Each returns 0 or -ENOMEM. */
bool lab_check_columns(const struct lab_options *options);
int lab_print_list(FILE *out, const struct lab_options *options,
		   const struct lab_experiment *experiments);
int lab_print_result(FILE *out, const struct lab_options *options,
		     const struct lab_result *result, bool first);
void lab_print_sum(FILE *out, const struct lab_sum *sum);

/* lab_json.c: an experiment, with what came of it if RESULT is not NULL; and all of them. */
json_t *lab_json_experiment(const struct lab_experiment *experiment,
			    const struct lab_result *result, bool code);
json_t *lab_json_report(json_t *experiments, const struct lab_sum *sum);

/* lab_quiz.c: asks for each observation of RESULT, and counts. False at the end of input. */
struct lab_score {
	size_t asked, right;
};
bool lab_quiz(const struct lab_result *result, struct lab_score *score);

#endif

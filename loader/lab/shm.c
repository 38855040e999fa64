/* Beside the table: memory that unrelated processes have in common. */
#include "bench.h"
#include "groups.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/shm.h>
#include <unistd.h>

static void posix_shm(struct lab *lab)
{
	char name[32];

	snprintf(name, sizeof(name), "/segmap-lab-%d", getpid());
	if (lab_fork(lab)) { /* one process makes the object */
		int object = lab_need(lab, "shm_open",
				      shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
		lab_need(lab, "ftruncate", ftruncate(object, (off_t)lab_page_size()));
		char *page = lab_map(lab, 1, MAP_SHARED, object);

		lab_write(lab, "the first process writes", page, 'F', 1);
		lab_state(lab, "its page", page, SEGMAP_PAGE_FILE);
		lab_keep_frame(lab, page);
		lab_signal(lab, 0);
		lab_await(lab, 1); /* the other one has answered */
		lab_read(lab, "the first one reads the answer", page, 'S', 0);
		lab_exit(lab);
	}
	if (lab_fork(lab)) { /* another one knows only its name */
		lab_await(lab, 0);
		int object = lab_need(lab, "shm_open", shm_open(name, O_RDWR, 0));
		shm_unlink(name); /* what is mapped stays */
		char *page = lab_map(lab, 1, MAP_SHARED, object);

		lab_read(lab, "the second process reads", page, 'F', 1);
		lab_frame(lab, "its page", page, LAB_SAME_FRAME);
		*page = 'S';
		lab_signal(lab, 1);
		lab_exit(lab);
	}
	lab_wait(lab);
	int gone = shm_open(name, O_RDWR, 0);
	lab_errno(lab, "shm_open after shm_unlink", gone < 0 ? errno : 0, ENOENT);
}

static void sysv_shm(struct lab *lab)
{
	struct shmid_ds about;
	int id = lab_need(lab, "shmget", shmget(IPC_PRIVATE, lab_page_size(), 0600));
	char *page = shmat(id, NULL, 0);

	shmctl(id, IPC_RMID, NULL); /* to go when nobody has it any more */
	lab_need(lab, "shmat and IPC_STAT", shmctl(id, IPC_STAT, &about));
	lab_number(lab, "nattch after shmat", LAB_KERNEL, (long)about.shm_nattch, 1);
	lab_write(lab, "a write", page, 'P', 1);
	lab_state(lab, "after the write", page, SEGMAP_PAGE_SHARED);
	if (lab_fork(lab)) {
		shmctl(id, IPC_STAT, &about);
		lab_number(lab, "nattch in a child", LAB_KERNEL, (long)about.shm_nattch, 2);
		lab_read(lab, "the child's read", page, 'P', 1);
		*page = 'C';
		lab_exit(lab);
	}
	lab_wait(lab);
	lab_read(lab, "the parent's read", page, 'C', 0);
	shmctl(id, IPC_STAT, &about);
	lab_number(lab, "nattch after the child's end", LAB_KERNEL, (long)about.shm_nattch, 1);
	shmdt(page);
	errno = 0;
	shmctl(id, IPC_STAT, &about);
	lab_errno(lab, "IPC_STAT after the last shmdt", errno, EINVAL);
}

const struct lab_experiment lab_shm[] = {
	{"posix-shm", "", "shared memory",
	 "Unrelated processes share memory by a name: shm_open and MAP_SHARED.", posix_shm},
	{"sysv-shm", "", "shared memory",
	 "System V shared memory lives until the last one detaches, if IPC_RMID was said.",
	 sysv_shm},
	{0},
};

/* libsegmap: an execve in userspace that one can read. All stages at once. */
#ifndef SEGMAP_SEGMAP_H
#define SEGMAP_SEGMAP_H

#include <segmap/auxv.h>
#include <segmap/error.h>
#include <segmap/exec.h>
#include <segmap/handover.h>
#include <segmap/image.h>
#include <segmap/map.h>
#include <segmap/plan.h>
#include <segmap/stack.h>

#endif

/* Telling how to attach a debugger to a process that stops at its program's entry. */
#ifndef CLI_ATTACH_H
#define CLI_ATTACH_H

/* Prints the command for it, unless this process is traced already. PROGRAM is the path of the
 * ELF file, or "-" if it has none; DATA is not used. For struct segmap_options. */
void attach_tell(void *data, const char *program);

#endif

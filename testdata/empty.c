/* The empty program: what it takes is its libc's start, and that of a process. */
int main(void)
{
	return 0;
}

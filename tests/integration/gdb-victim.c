/* A program to be debugged. */
static int chosen = 4711;

int main(void)
{
	return chosen != 4711;
}

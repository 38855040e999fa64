// SPDX-License-Identifier: MIT
// C++ exceptions: the unwinder finds its tables through the program headers (dl_iterate_phdr,
// which starts from AT_PHDR), so a wrong AT_PHDR or bias ends in std::terminate.
#include <cstdio>
#include <stdexcept>
#include <string>

static int failed;
static int destroyed;

static void check(bool ok, const char *what)
{
	std::printf("%s %s\n", ok ? "ok" : "FAIL", what);
	failed |= !ok;
}

struct guard {
	~guard()
	{
		destroyed++;
	}
};

static void descend(int depth)
{
	guard g;

	if (depth == 0)
		throw std::runtime_error("from the depths");
	descend(depth - 1);
}

// A static object with a constructor: made before main.
static const std::string made_before_main(100, 'x');

int main()
{
	std::string caught;

	try {
		descend(20);
	} catch (const std::exception &e) {
		caught = e.what();
	}
	check(caught == "from the depths", "exception is caught");
	check(destroyed == 21, "destructors ran");
	try {
		(void)std::string("abc").at(10); // thrown inside the library
	} catch (const std::out_of_range &) {
		caught.clear();
	}
	check(caught.empty(), "exception of the library is caught");
	check(made_before_main.size() == 100, "static object");
	return failed;
}

/* System calls of fewer than six arguments, by an arch_stub.h's sys6. */
#ifndef ARCH_FEWER_ARGUMENTS_H
#define ARCH_FEWER_ARGUMENTS_H

#define sys5(nr, a, b, c, d, e) sys6(nr, a, b, c, d, e, 0)
#define sys4(nr, a, b, c, d)    sys6(nr, a, b, c, d, 0, 0)
#define sys3(nr, a, b, c)       sys6(nr, a, b, c, 0, 0, 0)
#define sys2(nr, a, b)          sys6(nr, a, b, 0, 0, 0, 0)
#define sys1(nr, a)             sys6(nr, a, 0, 0, 0, 0, 0)
#define sys0(nr)                sys6(nr, 0, 0, 0, 0, 0, 0)

#endif

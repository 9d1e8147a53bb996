#pragma once

// Marks what the shared library exports; everything else in it is hidden.
//
// Put it on each public class that has members outside its header, on each public free function, and on each
// exception that crosses the library's border (its type information must be one and the same on both sides).

#if defined(_WIN32) || defined(__CYGWIN__)
#error "hugehist is for POSIX systems"
#else
#define HUGEHIST_EXPORT __attribute__((visibility("default")))
#endif

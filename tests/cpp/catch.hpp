#pragma once

// Catch2, version 2.13 or 3, whichever is installed. Tests include this and nothing else of Catch2.

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

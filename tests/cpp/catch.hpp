#pragma once

// Catch2, version 2.13 or 3, whichever is installed. Tests include this and nothing else of Catch2.
// What the versions name differently has one name here: Approx, and contains() for parts of messages.

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#include <string>

#if __has_include(<catch2/catch_all.hpp>)
using Catch::Approx;
inline auto contains(const std::string& part) { return Catch::Matchers::ContainsSubstring(part); }
#else
inline auto contains(const std::string& part) { return Catch::Matchers::Contains(part); }
#endif

// All of hugehist but its adapter to Boost.Histogram (<hugehist/boost.hpp>).
#pragma once

#include <hugehist/axis.hpp>
#include <hugehist/buffer.hpp>
#include <hugehist/columns.hpp>
#include <hugehist/delta.hpp>
#include <hugehist/error.hpp>
#include <hugehist/file.hpp>
#include <hugehist/histogram.hpp>
#include <hugehist/integrity.hpp>
#include <hugehist/merge_files.hpp>
#include <hugehist/merge_id.hpp>
#include <hugehist/selection.hpp>
#include <hugehist/selector.hpp>
#include <hugehist/storage.hpp>
#include <hugehist/transaction.hpp>
#include <hugehist/view.hpp>

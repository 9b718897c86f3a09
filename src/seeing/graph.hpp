// SPDX-License-Identifier: MIT
// The task graph of a run as a picture or as JSON.
#pragma once
#include "seeing/record.hpp"

#include <iosfwd>
#include <string>

namespace troupe::detail {

// Beyond that, a node for each name: nobody could read it, and dot would take minutes.
inline constexpr std::size_t most_nodes_drawn = 300, most_edges_drawn = 900;

// As Graphviz's DOT. The critical path is red; dashed: a body has waited for the value; dotted: spawned.
std::string dot_of(const record& r);
// By the program dot (Graphviz), in a minute at most. Throws troupe::error: it is not installed, or
// fails.
std::string svg_of(const std::string& dot);
// Of the kind that the file's name ends in: .dot, .svg or .json. Throws troupe::error.
void write_graph(const record& r, const std::string& file, std::ostream& to);

}  // namespace troupe::detail

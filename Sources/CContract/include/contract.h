#ifndef CONTRACT_H
#define CONTRACT_H

#include <stddef.h>

/// What the programs say of themselves, embedded: the HTTP API's contract (docs/openapi.yaml) and a page for each
/// problem (docs/problems/). C, because `#embed` costs nothing where an array of 94,000 numbers in Swift took the
/// compiler 17 seconds.
struct embedded_page {
  /// A problem's code, for example "sold-out"; of the contract, its file's name.
  const char *_Nonnull name;
  const unsigned char *_Nonnull bytes;
  size_t size;
};

extern const struct embedded_page contract_openapi;

/// NULL if there is no such problem.
const struct embedded_page *_Nullable contract_problem(const char *_Nonnull code);

#endif

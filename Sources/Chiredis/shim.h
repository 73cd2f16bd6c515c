#pragma once
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

// Where hiredis' reader puts replies: one tape of nodes in the order of reading (an array, then its elements), whose memory
// the next reply uses again. hiredis' own objects would cost a transaction a dozen allocations.

typedef struct {
  int type;  // REDIS_REPLY_…
  long long integer;  // of an array: how many elements follow
  size_t start, length;  // of a text, in the tape's bytes
} timeattack_node;

typedef struct {
  timeattack_node *nodes;
  size_t count, capacity;
  char *bytes;
  size_t used, size;
  // A longer array is an error: a broken server that announces two billion elements would hold the loop for seconds. So is a
  // reply of more nodes, or with arrays in arrays deeper than hiredis 0.14 allows (later ones allow any depth).
  size_t elements_at_most, nodes_at_most;
} timeattack_tape;

// The object that hiredis carries is never looked at.
static inline void *timeattack_add(timeattack_tape *tape, int type, long long integer, const char *text, size_t length) {
  if (tape->count >= tape->nodes_at_most) return NULL;
  if (tape->count == tape->capacity) {
    size_t capacity = tape->capacity ? tape->capacity * 2 : 64;
    timeattack_node *nodes = (timeattack_node *)realloc(tape->nodes, capacity * sizeof *nodes);
    if (!nodes) return NULL;
    tape->nodes = nodes;
    tape->capacity = capacity;
  }
  if (tape->size - tape->used < length) {
    size_t size = (tape->used + length) * 2 + 256;
    char *bytes = (char *)realloc(tape->bytes, size);
    if (!bytes) return NULL;
    tape->bytes = bytes;
    tape->size = size;
  }
  if (length) memcpy(tape->bytes + tape->used, text, length);
  timeattack_node node = {type, integer, tape->used, length};
  tape->nodes[tape->count++] = node;
  tape->used += length;
  return tape;
}

static inline void *timeattack_string(const redisReadTask *task, char *text, size_t length) {
  return timeattack_add((timeattack_tape *)task->privdata, task->type, 0, text, length);
}
#if HIREDIS_MAJOR >= 1
static inline void *timeattack_array(const redisReadTask *task, size_t elements) {
#else
static inline void *timeattack_array(const redisReadTask *task, int elements) {
#endif
  timeattack_tape *tape = (timeattack_tape *)task->privdata;
  if ((size_t)elements > tape->elements_at_most) return NULL;
  int depth = 0;
  for (const redisReadTask *above = task->parent; above; above = above->parent)
    if (++depth > 7) return NULL;
  return timeattack_add(tape, REDIS_REPLY_ARRAY, (long long)elements, NULL, 0);
}
static inline void *timeattack_integer(const redisReadTask *task, long long value) {
  return timeattack_add((timeattack_tape *)task->privdata, REDIS_REPLY_INTEGER, value, NULL, 0);
}
static inline void *timeattack_nil(const redisReadTask *task) {
  return timeattack_add((timeattack_tape *)task->privdata, REDIS_REPLY_NIL, 0, NULL, 0);
}
#if HIREDIS_MAJOR >= 1
static inline void *timeattack_double(const redisReadTask *task, double value, char *text, size_t length) {
  (void)value;
  return timeattack_add((timeattack_tape *)task->privdata, REDIS_REPLY_STRING, 0, text, length);
}
static inline void *timeattack_bool(const redisReadTask *task, int value) {
  return timeattack_add((timeattack_tape *)task->privdata, REDIS_REPLY_INTEGER, value, NULL, 0);
}
#endif
static inline void timeattack_free(void *object) { (void)object; }

/// From now on the reader writes to the tape, which must outlive it.
static inline void timeattack_read_to(redisReader *reader, timeattack_tape *tape) {
  static redisReplyObjectFunctions functions = {
      timeattack_string, timeattack_array, timeattack_integer,
#if HIREDIS_MAJOR >= 1
      timeattack_double,
#endif
      timeattack_nil,
#if HIREDIS_MAJOR >= 1
      timeattack_bool,
#endif
      timeattack_free};
  reader->fn = &functions;
  reader->privdata = tape;
}

/// free(), which Swift's Foundation and libc both name.
static inline void timeattack_give_back(void *memory) { free(memory); }

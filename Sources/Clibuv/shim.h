#pragma once
#include <uv.h>

// What Swift does not import: variadic functions.

/// From now on uv_metrics_idle_time tells how long the loop has slept.
static inline void timeattack_measure_idle_time(uv_loop_t *loop) { uv_loop_configure(loop, UV_METRICS_IDLE_TIME); }

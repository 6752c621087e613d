/* log.c: registers spate's log type, so that --log-level=spate:debug works and INFO is shown unless told otherwise. */
#include "base/log.h"

RTE_LOG_REGISTER(spate_logtype, spate, INFO)

/* log.h: what spate tells its user, on stderr through DPDK's rte_log (type "spate"). One line a message, no newline
 * in fmt. LOG_ONCE is for what would otherwise repeat per packet. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <rte_log.h>

extern int spate_logtype;

#define LOG_ERR(fmt, ...) rte_log(RTE_LOG_ERR, spate_logtype, "spate: " fmt "\n", ##__VA_ARGS__)
#define LOG_WARN(fmt, ...) rte_log(RTE_LOG_WARNING, spate_logtype, "spate: " fmt "\n", ##__VA_ARGS__)
#define LOG_INFO(fmt, ...) rte_log(RTE_LOG_INFO, spate_logtype, "spate: " fmt "\n", ##__VA_ARGS__)
#define LOG_ONCE(level, fmt, ...) \
	do { \
		static int said_; \
		if (!said_) { \
			said_ = 1; \
			LOG_##level(fmt, ##__VA_ARGS__); \
		} \
	} while (0)

#endif

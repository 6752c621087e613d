/* mail.h: a stack reads its mail. */
#ifndef CORE_MAIL_H
#define CORE_MAIL_H

#include <stdint.h>

struct stack;

/* Brings up to MAIL_PER_POLL mails to the layers that they are for. Returns how many. */
uint32_t mail_poll(struct stack *s);

#endif

/* fork.c: a child gets its own copy of the descriptors' table, with a reference each, before there is a child: so nothing ends in
 * between. A vfork()'s child shares this memory and leaves it alone: it has another pid than the one that joined. */
#include "client/private.h"

bool client_in_vfork(void)
{
	return atomic_load_explicit(client.here, memory_order_relaxed) != 0 && kernel_getpid() != client.pid;
}

void client_fork_prepare(void)
{
	if (atomic_load(&client.state) != CLIENT_READY)
		return;
	table_stop();
	client.forked_index = client_fork_ask();
}

void client_fork_parent(void)
{
	if (client_self.forks)
		table_go(false);
}

void client_fork_child(void)
{
	if (!client_self.forks)
		return;
	table_go(true);
	/* Without a number (too many processes) it joins without descriptors. */
	client_join_child(client.forked_index < 0 ? -1 : client.forked_index);
}

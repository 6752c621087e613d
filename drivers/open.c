/* open.c: from a device name to ports. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "config/config.h"
#include "drivers/drivers.h"
#include "drivers/ethdev/ethdev.h"
#include "drivers/impair.h"
#include "drivers/kernel_link.h"
#include "drivers/name.h"
#include "drivers/share.h"
#include "drivers/sim/sim.h"

/* Drawn once: all devices of a run get the same RSS key. */
static uint64_t seed_of(const struct spate_config *c)
{
	static uint64_t drawn;

	while (drawn == 0 && getrandom(&drawn, sizeof(drawn), 0) != sizeof(drawn))
		;
	return c->seed != 0 ? c->seed : drawn;
}

static int open_sim(const struct spate_config *c, uint16_t n_queues, struct port *ports[2], char *err, size_t err_len)
{
	struct sim_config cfg = {
		.n_queues = {n_queues, n_queues},
		.mtu = c->mtu,
		.offloads = PORT_TX_IP4_CKSUM | PORT_TX_TCP_CKSUM | PORT_TX_UDP_CKSUM | PORT_TX_MULTI_SEG | PORT_RX_CKSUM |
			    PORT_RX_HASH,
		.seed = seed_of(c),
	};
	const char *comma = strchr(c->dev, ',');
	int rc = sim_parse(&cfg, comma != NULL ? comma + 1 : "", err, err_len);

	if (rc != 0)
		return rc;
	for (unsigned i = 0; i < 2; i++)
		cfg.n_queues[i] = RTE_MIN(cfg.n_queues[i], n_queues); /* more would have no stack that polls them */
	rc = sim_open(&cfg, ports);
	if (rc != 0)
		snprintf(err, err_len, "sim does not open: %s", strerror(-rc));
	return rc;
}

static struct port *given;

void drivers_give(struct port *port) { given = port; }

static int open_given(struct port **port, char *err, size_t err_len)
{
	*port = given;
	if (given != NULL)
		return 0;
	snprintf(err, err_len, "the device 'given' is for programs that make it themselves");
	return -ENODEV;
}

/* Puts a bad wire in front of the device. */
static int impair(const char *options, uint64_t seed, struct port **port, char *err, size_t err_len)
{
	struct port *inner = *port;
	int rc = impair_wrap(inner, options, seed, port, err, err_len);

	if (rc != 0)
		inner->ops->close(inner);
	return rc;
}

/* Fewer queues than stacks: they share. */
static int share(struct port **port, uint16_t n_queues, char *err, size_t err_len)
{
	struct port *inner = *port;

	if (inner->n_queues >= n_queues || share_wrap(inner, n_queues, port) == 0)
		return 0;
	inner->ops->close(inner);
	snprintf(err, err_len, "not enough memory for %u stacks on %u queues: raise --memory", n_queues, inner->n_queues);
	return -ENOMEM;
}

static int open_one(const struct dev_name *d, const struct spate_config *c, uint16_t n_queues, struct port **port, char *err,
		    size_t err_len)
{
	int rc = dev_name_check(d, err, err_len);

	if (rc == 0 && d->kind == DEV_GIVEN)
		rc = open_given(port, err, err_len);
	else if (rc == 0)
		rc = ethdev_open(d, c, n_queues, seed_of(c), port, err, err_len);
	if (rc == 0 && (d->kind == DEV_AF_PACKET || d->kind == DEV_XDP))
		kernel_link_watch(*port);
	if (rc == 0 && d->impaired)
		rc = impair(d->impair, seed_of(c), port, err, err_len);
	return rc != 0 ? rc : share(port, n_queues, err, err_len);
}

static int open_both(const struct spate_config *c, uint16_t n_queues, struct port *ports[2], char *err, size_t err_len)
{
	int rc = open_sim(c, n_queues, ports, err, err_len);

	for (unsigned i = 0; i < 2 && rc == 0; i++) {
		rc = share(&ports[i], n_queues, err, err_len);
		if (rc != 0)
			ports[!i]->ops->close(ports[!i]);
	}
	return rc;
}

int drivers_open(const struct spate_config *c, uint16_t n_queues, struct port *ports[2], unsigned *n_ports, char *err,
		 size_t err_len)
{
	struct dev_name d;
	int rc = dev_name_parse(&d, c->dev, err, err_len);

	if (rc != 0)
		return rc;
	*n_ports = d.kind == DEV_SIM ? 2 : 1;
	if (d.kind == DEV_SIM && d.impaired) {
		snprintf(err, err_len, "sim has its impairments as options: write sim,%s instead of %s", d.impair, c->dev);
		return -EINVAL;
	}
	if (d.kind == DEV_SIM)
		return open_both(c, n_queues, ports, err, err_len);
	return open_one(&d, c, n_queues, &ports[0], err, err_len);
}

int drivers_open_dev(const struct spate_config *c, unsigned dev, uint16_t n_queues, struct port *ports[2], unsigned *n_ports,
		     char *err, size_t err_len)
{
	struct spate_config one = *c; /* as if it were the only device */

	snprintf(one.dev, sizeof(one.dev), "%s", config_dev(c, dev));
	one.mtu = config_mtu(c, dev);
	return drivers_open(&one, n_queues, ports, n_ports, err, err_len);
}

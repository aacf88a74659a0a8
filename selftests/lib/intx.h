/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * INTx of a function by SET_IRQS, as VMMs use it. The driver emulates it by the function's own
 * MSI-X from the guest's first queue on. Here that is "engaged".
 */
#ifndef SELFTESTS_INTX_H
#define SELFTESTS_INTX_H

#include <stdbool.h>

#include "entropy.h"
#include "functions.h"
#include "session.h"
#include "vfio.h"

/* Bits of ISR status */
#define INTX_ISR_QUEUE	1
#define INTX_ISR_CONFIG	2

/* These return 0 or a negative error code. An eventfd of -1 detaches */
int intx_trigger(struct vfio_device *device, int eventfd);
int intx_off(struct vfio_device *device);
int intx_mask(struct vfio_device *device);
int intx_unmask(struct vfio_device *device);
int intx_unmask_by(struct vfio_device *device, int eventfd);
int intx_loopback(struct vfio_device *device);

/* An action of one BOOL, with VFIO_IRQ_SET_ACTION_* */
int intx_bool(struct vfio_device *device, uint32_t action, uint8_t value);

/* Each function with MSI-X has INTx */
#define NEED_INTX(device)	NEED_VECTORS(device, 1)

/* Values for intx_set_power(), those of the power management capability, which it must have */
#define INTX_D0		0
#define INTX_D3HOT	3

/* Sets the power state as a guest does. D0 sets COMMAND's IO and MEMORY as well */
void intx_set_power(struct vfio_device *device, unsigned int state);
/* The state that the user sees */
unsigned int intx_power_state(struct vfio_device *device);

/* A register of the function itself */
uint16_t intx_physical(const struct vfio_device *device, unsigned int at);

/* Whether the function's own MSI-X is enabled */
bool intx_msix_is_on(struct vfio_device *device);

/* Whether the function's own COMMAND has bus mastering */
bool intx_master_is_on(const struct vfio_device *device);

/* The guest's STATUS.INTERRUPT */
bool intx_status(struct vfio_device *device);

/* Waits until STATUS.INTERRUPT is set; false after the time */
bool intx_becomes_pending(struct vfio_device *device, unsigned int milliseconds);

/* Lines of /proc/interrupts that name the function and this word */
unsigned int intx_host_interrupts(const struct vfio_device *device, const char *word);

/*
 * Handles an interrupt as a guest does: waits for a signal, reads ISR status, and unmasks. The
 * value of ISR status, or a negative error code: -ETIMEDOUT without a signal, -EEXIST for more
 * than one.
 */
int intx_handle(struct vfio_device *device, int eventfd, unsigned int milliseconds);

/*
 * Handles what is left of the driver's use before: interrupts of a device that was reset can be
 * under way on another CPU, and come late. A guest gives each of them an EOI. 0, or a negative
 * error code: that of the unmask, -EINVAL without INTx; -EOVERFLOW if signals do not end.
 */
int intx_settle(struct vfio_device *device, int eventfd);

/*
 * What most fixtures have: the first entropy function, with two eventfds. The second one unmasks,
 * or is another trigger
 */
#define INTX_FIELDS								\
	struct session session;							\
	struct vfio_device *device;						\
	struct entropy entropy;							\
	int trigger, other

/* Opens it, with INTx off. Skips without such a function, and without INTx */
#define INTX_SETUP() do {							\
	const char *bdf_ = functions_find("rng", 0);				\
										\
	if (!bdf_)								\
		SKIP(return, "no rng function given");				\
	self->device = session_open(&self->session, bdf_);			\
	NEED_INTX(self->device);						\
	vfio_command(self->device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);	\
	self->trigger = vfio_eventfd();						\
	self->other = vfio_eventfd();						\
} while (0)

/* The entropy device may still be in use */
#define INTX_TEARDOWN() do {							\
	if (self->entropy.device)						\
		entropy_stop(&self->entropy);					\
	EXPECT_TRUE(session_close(&self->session));				\
} while (0)

/* One request, one signal, and ISR status says so once */
#define INTX_ASSERT_SERVED(eventfd) do {					\
	ASSERT_TRUE(entropy_works(&self->entropy));				\
	ASSERT_EQ(intx_handle(self->device, eventfd, LEGACY_TIMEOUT),		\
		  INTX_ISR_QUEUE);						\
	ASSERT_EQ(legacy_read(self->device, VIRTIO_MMR_ISR_STATUS, 1), 0);	\
} while (0)

#endif /* SELFTESTS_INTX_H */

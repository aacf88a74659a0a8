// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random SET_IRQS for INTx against a model of its state, with interrupts of the device, reads of
 * ISR status, COMMAND's INTx Disable and resets in between. VIRTIO_MMR_SEED repeats a run,
 * VIRTIO_MMR_OPERATIONS sets its length.
 */
#include <stdlib.h>
#include <time.h>

#include "kselftest_harness.h"

#include "lib/entropy.h"
#include "lib/functions.h"
#include "lib/intx.h"
#include "lib/report.h"
#include "lib/session.h"

#define OPERATIONS	100000
#define HISTORY		24
#define FDS		3
/* Reads of ISR status that signals can entitle to */
#define OWED_MAX	2

struct model {
	bool on, masked, disabled;
	/* Index of an eventfd, or -1 */
	int trigger, unmask;
	/* The driver's ISR status; unknown between the end of INTx and a read */
	uint8_t isr;
	bool isr_known;
	/* Reads that see bit 0 because of a signal */
	unsigned int owed;
	/* A read sees bit 0 because of a signal that was outstanding at a reset */
	bool stale;
	/* The queue has an address */
	bool live;
	/* Signals that are not read yet */
	uint64_t signals[FDS];
};

FIXTURE(random)
{
	struct session session;
	struct vfio_device *device;
	struct entropy entropy;
	uint64_t state;
	unsigned long seed, operations, operation;
	int fds[FDS], unmask_fds[2];
	char history[HISTORY][128];
	unsigned int done;
	struct model model;
};

/* xorshift64 */
static uint64_t next(struct _test_data_random *self)
{
	self->state ^= self->state << 13;
	self->state ^= self->state >> 7;
	self->state ^= self->state << 17;
	return self->state;
}

static unsigned int below(struct _test_data_random *self, unsigned int limit)
{
	return (next(self) >> 16) % limit;
}

static __attribute__((format(printf, 2, 3)))
void note(struct _test_data_random *self, const char *format, ...)
{
	char *text = self->history[self->done++ % HISTORY];
	int used = snprintf(text, sizeof(self->history[0]), "%lu: ", self->operation);
	va_list values;

	va_start(values, format);
	vsnprintf(text + used, sizeof(self->history[0]) - used, format, values);
	va_end(values);
}

static void wrong(struct _test_data_random *self, const char *what, long want, long got)
{
	const struct model *model = &self->model;
	unsigned int i;

	for (i = 0; i < HISTORY; i++)
		report("%s", self->history[(self->done + i) % HISTORY]);
	report("model: on %u masked %u disabled %u trigger %d unmask %d isr %u owed %u stale %u live %u",
	       model->on, model->masked, model->disabled, model->trigger, model->unmask,
	       model->isr, model->owed, model->stale, model->live);
	fail("operation %lu of VIRTIO_MMR_SEED=%lu: %s: want %ld, got %ld", self->operation,
	     self->seed, what, want, got);
}

static void expect(struct _test_data_random *self, const char *what, long want, long got)
{
	if (want != got)
		wrong(self, what, want, got);
}

/* --- The model ----------------------------------------------------------------------- */

static void evaluate(struct model *model)
{
	if (!model->on || !model->isr || model->masked || model->disabled || model->trigger < 0)
		return;
	model->masked = true;
	model->signals[model->trigger]++;
	if (model->isr & INTX_ISR_QUEUE && model->owed < OWED_MAX)
		model->owed++;
}

static void model_unmask(struct model *model)
{
	model->masked = false;
	model->stale = false;
	evaluate(model);
}

static void model_reset(struct model *model)
{
	model->isr = 0;
	model->isr_known = true;
	model->stale |= model->masked && model->owed;
	model->owed = 0;
	model->live = false;
}

static void model_on(struct model *model, int trigger)
{
	bool was = model->on;

	model->on = true;
	model->trigger = trigger;
	/* Interrupts from before may have been missed */
	if (!was && model->live) {
		model->isr |= INTX_ISR_QUEUE;
		model->isr_known = true;
	}
	evaluate(model);
}

static void model_off(struct model *model)
{
	model->on = false;
	model->masked = false;
	model->stale = false;
	model->trigger = -1;
	model->unmask = -1;
	model->owed = 0;
	/* The device's own ISR status counts again */
	model->isr_known = !model->live;
}

/* --- Operations ----------------------------------------------------------------------- */

/* Signals come in their own time, but there are no more than the model's */
static void check_signals(struct _test_data_random *self)
{
	struct model *model = &self->model;
	unsigned int i;
	uint64_t got;

	for (i = 0; i < FDS; i++) {
		while (model->signals[i]) {
			got = vfio_eventfd_wait(self->fds[i], LEGACY_TIMEOUT);
			if (!got || got > model->signals[i])
				wrong(self, "signals", model->signals[i], got);
			model->signals[i] -= got;
		}
		expect(self, "signals without a cause", 0, vfio_eventfd_wait(self->fds[i], 0));
	}
}

static unsigned long interrupts(struct _test_data_random *self)
{
	return sysfs_counter(self->session.bdf, "intx_interrupts");
}

static void do_request(struct _test_data_random *self)
{
	struct model *model = &self->model;
	unsigned long before;
	unsigned int waited;

	note(self, "request");
	if (!model->live) {
		entropy_restart(&self->entropy);
		model_reset(model);
		model->live = true;
	}
	before = interrupts(self);
	if (!entropy_works(&self->entropy))
		wrong(self, "request", 1, 0);
	if (!model->on) {
		model->isr_known = false;
		return;
	}
	for (waited = 0; interrupts(self) == before; waited++) {
		if (waited == LEGACY_TIMEOUT)
			wrong(self, "interrupts of the device", before + 1, before);
		usleep(200);
	}
	expect(self, "interrupts of the device", before + 1, interrupts(self));
	/* The handler counts first */
	expect(self, "STATUS.INTERRUPT after a request", 1,
	       intx_becomes_pending(self->device, LEGACY_TIMEOUT));
	model->isr |= INTX_ISR_QUEUE;
	model->isr_known = true;
	evaluate(model);
}

static void read_isr(struct _test_data_random *self)
{
	struct model *model = &self->model;
	bool signalled = model->owed || model->stale;
	uint8_t want = model->isr | (signalled ? INTX_ISR_QUEUE : 0), got;

	note(self, "read of ISR status");
	got = legacy_read(self->device, VIRTIO_MMR_ISR_STATUS, 1);
	if (model->isr_known)
		expect(self, "ISR status", want, got);
	model->isr = 0;
	if (model->on || !model->live || model->owed)
		model->isr_known = true;
	if (model->owed)
		model->owed--;
	model->stale = false;
}

static void read_status(struct _test_data_random *self)
{
	note(self, "read of STATUS");
	if (self->model.isr_known)
		expect(self, "STATUS.INTERRUPT", !!self->model.isr, intx_status(self->device));
}

static int random_set(struct _test_data_random *self, uint32_t flags, unsigned int start,
		      unsigned int count, const void *data, size_t size)
{
	note(self, "SET_IRQS flags %#x start %#x count %#x size %zu", flags, start, count, size);
	return vfio_irq_action(self->device, VFIO_PCI_INTX_IRQ_INDEX, flags, start, count, data,
			       size);
}

/* Any arguments, except those that the other operations have */
static void nonsense(struct _test_data_random *self)
{
	static const unsigned int numbers[] = { 0, 0, 0, 1, 1, 2, 3, 0x7fffffff, 0x80000000, ~0u };
	unsigned int start = numbers[below(self, ARRAY_SIZE(numbers))];
	unsigned int count = numbers[below(self, ARRAY_SIZE(numbers))];
	uint32_t flags = next(self) & 0x7f, actions, data;
	int fds[4] = { -1, -1, -1, -1 }, want = -EINVAL;
	unsigned int size = below(self, 17);

	actions = flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
	data = flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	if (!(flags & ~(VFIO_IRQ_SET_ACTION_TYPE_MASK | VFIO_IRQ_SET_DATA_TYPE_MASK)) &&
	    data && !(data & (data - 1)) && !start && count <= 1) {
		if (data == VFIO_IRQ_SET_DATA_EVENTFD && size < count * sizeof(int))
			want = -EINVAL;
		else if (data == VFIO_IRQ_SET_DATA_BOOL && size < count)
			want = -EINVAL;
		else if (!actions || actions & (actions - 1))
			want = -ENOTTY;
		else
			return;
	}
	expect(self, "result", want, random_set(self, flags, start, count, fds, size));
}

static void do_trigger(struct _test_data_random *self)
{
	const uint32_t flags = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD;
	struct model *model = &self->model;
	int index = (int)below(self, FDS + 1) - 1, bad;

	if (!below(self, 3)) {
		bad = 1 << 20;
		expect(self, "result", -EBADF, random_set(self, flags, 0, 1, &bad, 4));
		return;
	}
	note(self, "trigger %d", index);
	model_on(model, index);
	expect(self, "result", 0, random_set(self, flags, 0, 1,
					     index < 0 ? &index : &self->fds[index], 4));
}

static void off(struct _test_data_random *self)
{
	const uint32_t flags = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE;
	struct model *model = &self->model;

	expect(self, "result", model->on ? 0 : -EINVAL, random_set(self, flags, 0, 0, NULL, 0));
	model_off(model);
}

static void loopback(struct _test_data_random *self)
{
	uint8_t value = below(self, 3);
	bool is_bool = below(self, 2);
	struct model *model = &self->model;
	int ret;

	/* Whether this passes the bit is nobody's business */
	if (model->disabled)
		return;
	if (model->on && model->trigger >= 0 && (!is_bool || value))
		model->signals[model->trigger]++;
	ret = is_bool ? random_set(self, VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_BOOL, 0,
				   1, &value, 1) :
			random_set(self, VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE, 0,
				   1, NULL, 0);
	expect(self, "result", model->on ? 0 : -EINVAL, ret);
}

static void mask_or_unmask(struct _test_data_random *self, uint32_t action)
{
	bool is_bool = below(self, 2), acts;
	uint8_t value = below(self, 3);
	struct model *model = &self->model;
	int ret;

	acts = model->on && (!is_bool || value);
	ret = is_bool ? random_set(self, action | VFIO_IRQ_SET_DATA_BOOL, 0, 1, &value, 1) :
			random_set(self, action | VFIO_IRQ_SET_DATA_NONE, 0, 1, NULL, 0);
	expect(self, "result", model->on ? 0 : -EINVAL, ret);
	if (acts && action == VFIO_IRQ_SET_ACTION_UNMASK)
		model_unmask(model);
	else if (acts)
		model->masked = true;
}

static void unmask_fd(struct _test_data_random *self)
{
	const uint32_t flags = VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_EVENTFD;
	struct model *model = &self->model;
	int index = (int)below(self, 3) - 1, want = 0, fd;

	fd = index < 0 ? -1 : self->unmask_fds[index];
	if (!model->on)
		want = -EINVAL;
	else if (index >= 0 && model->unmask >= 0)
		want = -EBUSY;
	expect(self, "result", want, random_set(self, flags, 0, 1, &fd, 4));
	if (!want)
		model->unmask = index;
	fd = -1;
	expect(self, "result", model->on ? -ENOTTY : -EINVAL,
	       random_set(self, VFIO_IRQ_SET_ACTION_MASK | VFIO_IRQ_SET_DATA_EVENTFD, 0, 1, &fd,
			  4));
}

static void signal_unmask(struct _test_data_random *self)
{
	unsigned int index = below(self, 2);
	const uint64_t one = 1;

	note(self, "signal of unmask eventfd %u", index);
	if (write(self->unmask_fds[index], &one, sizeof(one)) != sizeof(one))
		wrong(self, "write to an eventfd", 8, -1);
	if (self->model.unmask == (int)index)
		model_unmask(&self->model);
	else
		vfio_eventfd_wait(self->unmask_fds[index], 0);
	/* The driver may do this later, in a thread of its own */
	check_signals(self);
}

static void switch_disable(struct _test_data_random *self)
{
	struct model *model = &self->model;

	note(self, "INTx Disable %u", !model->disabled);
	model->disabled = !model->disabled;
	vfio_command(self->device, model->disabled ? PCI_COMMAND_INTX_DISABLE : 0,
		     model->disabled ? 0 : PCI_COMMAND_INTX_DISABLE);
	evaluate(model);
}

static void msix(struct _test_data_random *self)
{
	struct model *model = &self->model;

	note(self, "MSI-X");
	if (model->on) {
		expect(self, "MSI-X", -EINVAL,
		       vfio_set_irqs(self->device, VFIO_PCI_MSIX_IRQ_INDEX, 1, self->fds));
		return;
	}
	vfio_msix_enable(self->device, 1);
	expect(self, "trigger with MSI-X", -EINVAL, intx_trigger(self->device, self->fds[0]));
	expect(self, "off with MSI-X", -EINVAL, intx_off(self->device));
	vfio_msix_disable(self->device);
}

static void do_reset(struct _test_data_random *self)
{
	if (below(self, 4)) {
		note(self, "reset by status");
		legacy_reset(self->device);
	} else {
		note(self, "VFIO_DEVICE_RESET");
		expect(self, "VFIO_DEVICE_RESET", 0, vfio_reset(self->device));
	}
	model_reset(&self->model);
}

static void operation(struct _test_data_random *self)
{
	unsigned int choice = below(self, 1000);

	if (choice < 60)
		do_request(self);
	else if (choice < 62)
		do_reset(self);
	else if (choice < 64)
		msix(self);
	else if (choice < 70)
		off(self);
	else if (choice < 90)
		do_trigger(self);
	else if (choice < 105)
		unmask_fd(self);
	else if (choice < 120)
		switch_disable(self);
	else if (choice < 220)
		read_isr(self);
	else if (choice < 280)
		read_status(self);
	else if (choice < 380)
		signal_unmask(self);
	else if (choice < 480)
		loopback(self);
	else if (choice < 600)
		mask_or_unmask(self, VFIO_IRQ_SET_ACTION_MASK);
	else if (choice < 850)
		mask_or_unmask(self, VFIO_IRQ_SET_ACTION_UNMASK);
	else
		nonsense(self);
	check_signals(self);
}

static unsigned long number(const char *variable, unsigned long otherwise)
{
	const char *text = getenv(variable);

	return text && *text ? strtoul(text, NULL, 0) : otherwise;
}

FIXTURE_SETUP(random)
{
	const char *bdf = functions_find("rng", 0);
	struct timespec now;
	unsigned int i;

	if (!bdf)
		SKIP(return, "no rng function given");
	clock_gettime(CLOCK_REALTIME, &now);
	self->seed = number("VIRTIO_MMR_SEED", now.tv_sec * 1000 + now.tv_nsec / 1000000);
	self->operations = number("VIRTIO_MMR_OPERATIONS", OPERATIONS);
	/* The state must not be 0, and neighbouring seeds must begin differently */
	self->state = (self->seed + 1) * 0x9e3779b97f4a7c15ull;
	TH_LOG("VIRTIO_MMR_SEED=%lu, %lu operations", self->seed, self->operations);
	self->device = session_open(&self->session, bdf);
	NEED_INTX(self->device);
	for (i = 0; i < FDS; i++)
		self->fds[i] = vfio_eventfd();
	for (i = 0; i < ARRAY_SIZE(self->unmask_fds); i++)
		self->unmask_fds[i] = vfio_eventfd();
	self->model.trigger = -1;
	self->model.unmask = -1;
	entropy_start(&self->entropy, self->device, IOVA_BASE);
	legacy_reset(self->device);
	model_reset(&self->model);
}

FIXTURE_TEARDOWN(random)
{
	if (self->entropy.device)
		entropy_stop(&self->entropy);
	EXPECT_TRUE(session_close(&self->session));
}

TEST_F_TIMEOUT(random, against_model, 400)
{
	for (self->operation = 0; self->operation < self->operations; self->operation++)
		operation(self);
}

FUNCTIONS_HARNESS_MAIN

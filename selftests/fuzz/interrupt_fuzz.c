// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes the state machine of a guest's INTx interrupt. The model is a wire: it knows no signals
 * that mask, but the moments when a wire is asserted and nobody has been told.
 */
#include <stdlib.h>

#include "virtio_mmr/interrupt.h"

struct model {
	u8 pending;		/* raised and not read */
	bool held;		/* by the user's mask, or by a signal without an answer */
	bool disabled, connected;
	unsigned int unanswered;	/* signals that no read belongs to, 2 at most */
	bool left;		/* by a reset: a signal without read and answer */
	bool waits;		/* for the end of a reset */
};

static void expect(bool condition)
{
	if (!condition)
		abort();
}

static void answer(struct model *model)
{
	model->held = false;
	model->left = false;
}

/* A wire that is asserted, with nobody told, must be told now, and only then. */
static void check(struct model *model, bool signal)
{
	expect(signal == (model->pending && !model->held && !model->disabled &&
			  model->connected));
	if (!signal)
		return;
	model->held = true;
	if (model->unanswered < 2)
		model->unanswered++;
}

static void check_read(struct model *model, u8 value)
{
	u8 wanted = model->pending;

	if (model->unanswered || model->left) {
		if (model->unanswered)
			model->unanswered--;
		model->left = false;
		if (!wanted)
			wanted = VIRTIO_MMR_ISR_QUEUE;
	}
	expect(value == wanted);
	model->pending = 0;
}

static void reset(struct model *model)
{
	model->pending = 0;
	model->left |= model->held && model->unanswered;
	model->unanswered = 0;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct virtio_mmr_interrupt interrupt = { .engaged = true };
	struct model model = {};
	size_t i;

	for (i = 0; i < size; i++) {
		u8 argument = data[i] >> 4;

		switch (data[i] & 0xf) {
		case 0:
		case 1:
			if (!model.waits)
				model.pending |= argument & 3;
			check(&model, virtio_mmr_interrupt_raise(&interrupt, argument));
			break;
		case 2:
		case 3:
			answer(&model);
			check(&model, virtio_mmr_interrupt_unmask(&interrupt));
			break;
		case 4:
			model.held = true;
			virtio_mmr_interrupt_mask(&interrupt);
			break;
		case 5:
			model.disabled = argument & 1;
			check(&model, virtio_mmr_interrupt_disable(&interrupt, argument & 1));
			break;
		case 6:
			model.connected = argument & 1;
			check(&model, virtio_mmr_interrupt_connect(&interrupt, argument & 1));
			break;
		case 7:
			model.connected = false;
			answer(&model);
			model.unanswered = 0;
			virtio_mmr_interrupt_off(&interrupt);
			break;
		case 8:
			reset(&model);
			virtio_mmr_interrupt_reset(&interrupt);
			break;
		case 9:
			answer(&model);
			virtio_mmr_interrupt_acknowledge(&interrupt);
			break;
		case 10:
			interrupt.engaged = argument & 1;
			break;
		case 11:
			if (argument & 1)
				reset(&model);
			model.waits = argument & 1;
			virtio_mmr_interrupt_hold(&interrupt, argument & 1);
			break;
		default:
			check_read(&model, virtio_mmr_interrupt_read(&interrupt));
			break;
		}
		expect(virtio_mmr_interrupt_is_pending(&interrupt) ==
		       (interrupt.engaged && model.pending));
	}
	return 0;
}

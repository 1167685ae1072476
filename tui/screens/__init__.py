"""The screens: the picker, the monitor, and the dialogs over them."""

# boot.cmd: how U-Boot picks a slot for kedge-agent --bootloader uboot. docs/porting.md says what the
# variables mean. Made into the script image that U-Boot runs by:
#
#     mkimage -A arm64 -T script -C none -d boot.cmd boot.scr
#
# It counts boots of a trial only, saves the count before the image runs, and never ends without
# having tried each slot.

# ---- the board's part ----
# Reads the slot ${slot}, A or B, to ${kedge_address}: here the GPT partition slot_A or slot_B.
setenv kedge_address ${loadaddr}
setenv kedge_read 'part start mmc 0 slot_${slot} kedge_first && part size mmc 0 slot_${slot} kedge_blocks && mmc read ${kedge_address} ${kedge_first} ${kedge_blocks}'
# How far behind the slot's beginning its image is: 8,224 bytes, rounded up to erase units.
setenv kedge_offset 0x3000
# Runs the image at ${kedge_image}; returns only when it cannot be run. A signed FIT image is verified.
setenv kedge_run 'bootm ${kedge_image}'
setenv kedge_save 'saveenv'
# ---- the same on every board ----

# The environment is lost, or was never written: which slot is the good one has to be found out.
if test -z "${BOOT_ORDER}"; then
    setenv BOOT_ORDER "A B"
    setenv BOOT_A_LEFT 3
    setenv BOOT_B_LEFT 3
    setenv BOOT_TRIAL A
fi
if test -z "${BOOT_A_LEFT}"; then setenv BOOT_A_LEFT 3; fi
if test -z "${BOOT_B_LEFT}"; then setenv BOOT_B_LEFT 3; fi

# A slot that is empty, or was being written, has no header.
setenv kedge_try 'run kedge_read && itest.l *${kedge_address} == 0x4744454b && setexpr kedge_image ${kedge_address} + ${kedge_offset} && run kedge_run'
kedge_args="${bootargs}"

for slot in ${BOOT_ORDER}; do
    left=0
    if test "${slot}" = A; then left=${BOOT_A_LEFT}; fi
    if test "${slot}" = B; then left=${BOOT_B_LEFT}; fi
    counted=no
    if test "${slot}" = "${BOOT_TRIAL}"; then counted=yes; fi
    if test "${left}" -gt 0 && test ${counted} = yes; then
        setexpr BOOT_${slot}_LEFT ${left} - 1
        # A boot that cannot be counted could repeat for ever.
        if run kedge_save; then true; else left=0; fi
    fi
    if test "${left}" -gt 0; then
        echo "slot ${slot}, ${left} left"
        setenv bootargs "${kedge_args} kedge.slot=${slot}"
        run kedge_try
        echo "slot ${slot} cannot be run"
        setenv bootargs "${kedge_args}"
        if test ${counted} = yes; then
            setenv BOOT_${slot}_LEFT 0
            run kedge_save
        fi
    fi
done

for slot in A B; do
    echo "slot ${slot}, as nothing else can be run"
    setenv bootargs "${kedge_args} kedge.slot=${slot}"
    run kedge_try
done
echo "nothing can be run"

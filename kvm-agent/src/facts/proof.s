# The boot sector with which the agent proves that KVM works: long mode, paging, timer interrupts, a loop, then exit
# code 0x10 through QEMU's isa-debug-exit device. A hypervisor that only gets through real mode does not pass, nor one
# that takes instructions one by one (nested virtualization without hardware help), as the time limit shows.
#
#   as proof.s -o proof.o && ld -m elf_x86_64 --oformat binary -Ttext 0x7c00 -e start proof.o -o proof.bin
        .code16
        .globl  start
start:  cli
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    $0x7c00, %sp
        lgdt    gdtr
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        ljmp    $8, $protected

        .code32
protected:
        movw    $16, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        # Page tables at 0x1000 (level 4), 0x2000 (3), 0x3000 (2): the first 2 MiB, identical. IDT at 0x4000.
        movl    $0x1000, %edi
        movl    %edi, %cr3
        xorl    %eax, %eax
        movl    $0x1000, %ecx
        cld
        rep stosl
        movl    $0x2003, 0x1000
        movl    $0x3003, 0x2000
        movl    $0x0083, 0x3000
        movl    %cr4, %eax
        orb     $0x20, %al              # physical address extension
        movl    %eax, %cr4
        movl    $0xc0000080, %ecx       # EFER
        rdmsr
        orb     $1, %ah                 # long mode
        wrmsr
        movl    %cr0, %eax
        orl     $0x80000000, %eax       # paging
        movl    %eax, %cr0
        ljmp    $24, $long_mode

        .code64
long_mode:
        # Vector 32, where the interrupt controller is told to put the timer below.
        movl    $tick, %eax
        movw    %ax, 0x4200
        movl    $0x8e000018, 0x4202
        shrl    $16, %eax
        movw    %ax, 0x4206
        lidt    idtr
        movb    $0x11, %al              # interrupt controller: start over
        outb    %al, $0x20
        movb    $0x20, %al              # vectors from 32
        outb    %al, $0x21
        movb    $4, %al
        outb    %al, $0x21
        movb    $1, %al
        outb    %al, $0x21
        movb    $0xfe, %al              # the timer only
        outb    %al, $0x21
        movb    $0x34, %al              # timer: channel 0, rate generator
        outb    %al, $0x43
        movb    $0xa9, %al              # 1193182 Hz / 0x04a9 = 1000 Hz
        outb    %al, $0x40
        movb    $0x04, %al
        outb    %al, $0x40
        xorl    %ebx, %ebx
        sti
wait:   hlt
        cmpl    $20, %ebx               # twenty interrupts, each returned from
        jb      wait
        movl    $0x4000000, %ecx        # work that takes hardware a moment and an instruction emulator for ever
work:   decl    %ecx
        jnz     work
        movb    $0x10, %al
        outb    %al, $0xf4
stop:   hlt
        jmp     stop

tick:   incl    %ebx
        pushq   %rax
        movb    $0x20, %al
        outb    %al, $0x20
        popq    %rax
        iretq

        .balign 8
gdt:    .quad   0
        .quad   0x00cf9a000000ffff      # 8: code, 32 bits
        .quad   0x00cf92000000ffff      # 16: data
        .quad   0x00af9a000000ffff      # 24: code, 64 bits
gdtr:   .word   gdtr - gdt - 1
        .long   gdt
idtr:   .word   0x20f
        .quad   0x4000

        .org    510
        .word   0xaa55

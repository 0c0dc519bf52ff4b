#!/usr/bin/perl
# A client of one of the libraries of Debian's Perl packages that does what matrix.py asks for: client.pl LIBRARY URL. See client.py.
use strict;
use warnings;
use utf8;
use Encode qw(encode_utf8);

my @offered = qw(chat.v9 chat.v2);
my @goodbye = (4005, 'bye ✓');

sub closed {
    my ($code, $reason) = @_;
    my $line = "closed $code " . ($reason // '');
    $line =~ s/\s+$//;
    syswrite STDOUT, encode_utf8("$line\n");
    exit 0;
}

sub mojolicious {
    my ($url) = @_;
    require Mojo::UserAgent;
    require Mojo::IOLoop;
    my $ua = Mojo::UserAgent->new(inactivity_timeout => 0, max_response_size => 0);
    $ua->websocket($url => {'Sec-WebSocket-Extensions' => 'permessage-deflate'} => [@offered] => sub {
        my (undef, $tx) = @_;
        if (!$tx->is_websocket) {
            print STDERR '! ', $tx->res->error ? $tx->res->error->{message} : 'no WebSocket', "\n";
            return Mojo::IOLoop->stop;
        }
        $tx->max_websocket_size(1 << 24);
        $tx->on(finish => sub {
            my (undef, $code, $reason) = @_;
            return Mojo::IOLoop->stop if !$code || $code == 1006;
            Mojo::IOLoop->timer(0.2 => sub { closed($code, $reason) }); # its own Close is not written yet
        });
        $tx->on(text => sub {
            my (undef, $bytes) = @_;
            if ($bytes eq '!close') { $tx->finish(@goodbye) }
            elsif ($bytes eq '!fragments') { $tx->send('!none') }
            else { $tx->send({text => $bytes}) }
        });
        $tx->on(binary => sub { $tx->send({binary => $_[1]}) });
        $tx->send('hello ' . ($tx->protocol // ''));
    });
    Mojo::IOLoop->start;
}

sub anyevent {
    my ($url) = @_;
    require AnyEvent::WebSocket::Client;
    my $done = AnyEvent->condvar;
    my $client = AnyEvent::WebSocket::Client->new(subprotocol => [@offered], max_payload_size => 1 << 24, timeout => 60);
    my $connection;
    $client->connect($url)->cb(sub {
        $connection = eval { $_[0]->recv };
        if (!$connection) {
            print STDERR "! $@";
            return $done->send;
        }
        $connection->on(each_message => sub {
            my ($c, $message) = @_;
            if ($message->is_text && $message->body eq '!close') { $c->close(@goodbye) }
            elsif ($message->is_text && $message->body eq '!fragments') { $c->send('!none') }
            else { $c->send($message) }
        });
        $connection->on(finish => sub {
            my ($c) = @_;
            closed($c->close_code, $c->close_reason) if $c->close_code && $c->close_code != 1006;
            $done->send;
        });
        $connection->send('hello ' . ($connection->subprotocol // ''));
    });
    $done->recv;
}

my ($library, $url) = @ARGV;
my %libraries = (mojolicious => \&mojolicious, anyevent => \&anyevent);
while (1) {
    eval { $libraries{$library}->($url); 1 } or print STDERR "! $@";
    select undef, undef, undef, 0.1;
}
